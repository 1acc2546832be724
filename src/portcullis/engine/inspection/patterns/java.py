"""Java code, class names and serialised objects (CWE-94, CWE-502)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import START, AttackClass, Pattern

CLASS: Final = AttackClass(
    key="java",
    title="Java code injection",
    summary="the way to the runtime, classes that attacks are built from, serialised objects, class loaders as "
    "parameters",
    cwe=94,
)

PATTERNS: Final = (
    Pattern(
        "java-101",
        "the way to a process, a script engine or a class loader",
        expressions=(
            (
                r"\bjava\.lang\.(?:runtime|process|unixprocess|reflect|invoke|class\.forname|system\.(?:exit|getproperty|getenv)"
                r"|thread|classloader)\b|\bgetruntime\s?\(\s?\)\s?\.?\s?exec|\bruntime\.(?:getruntime|exec)\s?\("
            ),
            (
                r"\bprocessbuilder\s?[(.]|\bnew\s+processbuilder\b|\bjava\.lang\.processbuilder\b"
                r"|\bjavax\.(?:script\.scriptenginemanager|el\.elprocessor|naming\.initialcontext|management\.)"
            ),
            (
                r"\bjava\.(?:beans\.(?:xmldecode|expression)|net\.(?:urlclassloader|socket)|rmi\.)|\bnewinstance\s?\(\s?\)\s?\."
                r"|\bgetenginebyname\s?\(|\bclass\.forname\s?\(|\bdefineclass\s?\("
            ),
        ),
        matches=(
            "java.lang.Runtime.getRuntime().exec('id')",
            "new java.lang.ProcessBuilder('x')",
            "javax.script.ScriptEngineManager",
            "Class.forName('x')",
        ),
        passes=("java.lang.String", "the Java runtime", "java.lang.NullPointerException at line 5"),
    ),
    Pattern(
        "java-102",
        "a class that attacks on deserialisation are built from",
        expressions=(
            (
                r"\borg\.apache\.(?:commons\.(?:collections\d?\.|beanutils|fileupload|configuration|dbcp)|xalan|struts2?|ofbiz|shiro"
                r"|wicket|myfaces|tomcat\.dbcp|logging\.log4j|velocity|xbean)"
            ),
            r"\bcom\.(?:sun\.(?:rowset|org\.apache|jndi|corba)|mchange|zaxxer|alibaba\.fastjson|caucho|opensymphony|bea\.)",
            (
                r"\borg\.(?:springframework\.(?:context|beans|aop|jndi|expression)|hibernate|codehaus\.groovy|mozilla\.javascript"
                r"|jboss|eclipse\.jetty|reflections)\."
            ),
            (
                r"\b(?:invoker|chained|instantiate|constant|clone|closure|prototypeclone|whileclosure|forclosure|switch)"
                r"(?:transformer|factory|closure)\b|\bannotationinvocationhandler\b|\btemplatesimpl\b|\bysoserial\b"
            ),
        ),
        matches=(
            "org.apache.commons.collections.functors.InvokerTransformer",
            "com.sun.rowset.JdbcRowSetImpl",
            "ysoserial.payloads",
        ),
        passes=("org.apache.org", "a transformer", "com.example.orders.Order"),
    ),
    Pattern(
        "java-103",
        "a serialised Java object",
        expressions=(rf"\xac\xed\x00\x05|{START}ro0ab[xqn]|{START}h4siaaaaaaaa[\w+/]{{20}}|aced0005(?:73|77|75|7a)",),
        matches=("rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==", "aced000573720011"),
        passes=("ro0abc", "aced0005"),
    ),
    Pattern(
        "java-104",
        "a class loader or member access as a parameter",
        expressions=(
            r"\bclass\s?(?:\.|\[\s?['\"]?)\s?(?:module\s?(?:\.|['\"]?\s?\]\s?\[\s?['\"]?)\s?)?classloader\b|#_memberaccess",
            (
                r"\bognl\.(?:ognlcontext|defaultmember)|@ognl\.|\bxwork\.methodaccessor|\bactionmessages?\s?\["
                r"|\bredirect(?:action)?\s?:\s?[$%]\{|['\"]@type['\"]\s?:\s?['\"](?:java|com\.sun|org\.apache)"
            ),
        ),
        matches=(
            "class.module.classLoader.resources",
            "#_memberAccess['x']",
            "redirect:${1}",
            '{"@type":"java.net.URL"}',
        ),
        passes=("the class loader", "redirect: /home", '{"@type":"Order"}'),
    ),
)
