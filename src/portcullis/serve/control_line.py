"""What a worker's line to the control process will serve, made in the template before there is a line."""

from __future__ import annotations

from pathlib import Path

from portcullis.engine.certificates.challenges import TOPIC as CHALLENGES
from portcullis.engine.ports import Ports, SourceFiles
from portcullis.mounts.acme_challenges import AcmeChallenges
from portcullis.stores.clock import SystemClock
from portcullis.stores.keys import TOPIC as KEYS
from portcullis.stores.keys import WorkerKeyDirectory
from portcullis.stores.questions import PendingQuestions
from portcullis.stores.relations.reading import RelationReader
from portcullis.stores.secrets import SourceSecrets
from portcullis.stores.shared_memory import SharedMemory
from portcullis.stores.topics import TopicSubscriptions


class ControlLine:
    """Policies hold on to it while they are compiled; each worker connects its own copy."""

    def __init__(self) -> None:
        self.topics = TopicSubscriptions()
        self.questions = PendingQuestions()
        self.keys = WorkerKeyDirectory()
        self.topics.subscribe(KEYS, self.keys.apply)
        self.challenges = AcmeChallenges()
        self.topics.subscribe(CHALLENGES, self.challenges.apply)

    def ports(self, shared: SharedMemory, files: SourceFiles, relations: Path) -> Ports:
        """The ports that policies are compiled against. ``relations``: their file."""
        return Ports(
            SystemClock(),
            shared.counters,
            self.keys,
            self.questions,
            self.topics,
            SourceSecrets(files),
            files,
            RelationReader(relations),
        )
