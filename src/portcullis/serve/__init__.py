"""The composition root: the processes of a running gateway, and what each of them is made of.

    supervisor   opens the listening sockets and the shared memory, once; starts the others; handles signals
      control    writes records, serves the admin listener and the control socket, pushes keys
      template   compiles one snapshot and forks the workers of one generation
        worker   serves

A reload is a new template. If it can't compile, nothing changes; if it can, its workers take over the same sockets,
and the old ones finish what they have. When a process dies, its parent notices and replaces it; when a parent dies, its
children notice and end.
"""
