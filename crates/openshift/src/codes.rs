//! The codes of failures with a cluster.

regcred_core::codes! {
    /// The codes of failures with a cluster.
    pub CODES;
    FORBIDDEN = "RC0401", Denied, "RBAC does not allow a request",
        cause "The ServiceAccount or user of regcred has no rule for the request.",
        fix "Apply the rule that the message names, or the objects of `regcred manifests` for this config.";
    ADMISSION = "RC0402", Denied, "The cluster denied a request that RBAC allows",
        cause "An admission policy, an admission webhook or a quota denied it. The message names it.",
        fix "Change the policy, the webhook or the quota. If it is the guard of regcred, apply the objects of `regcred manifests` for this config.";
    CREDENTIALS = "RC0403", Unauthenticated, "The API server does not accept the credentials",
        cause "The token, the client certificate or the password is expired or revoked (HTTP 401).",
        fix "Log in again with `oc login` or the command of your provider. In a pod, check the mounted token.";
    KUBECONFIG = "RC0404", Invalid, "A kubeconfig cannot be used",
        cause "The file, its context, or one of its entries is missing or not valid. `--context`, or `context` of a sink, can name a missing context.",
        fix "Correct the entry that the message names. `kubectl config get-contexts` lists the contexts, and `kubectl config view` shows the file that kubectl uses.";
    EXEC_PLUGIN = "RC0405", Invalid, "An exec plug-in of the kubeconfig failed",
        cause "The program is not installed, ended with an error, or printed no credential.",
        fix "Run the program by hand, or run `kubectl get namespaces` with the same context.";
    UNREACHABLE = "RC0406", Unreachable, "The API server cannot be reached",
        cause "The connection failed, the server did not answer in time, or it reports an internal error.",
        fix "Check the address, DNS, the proxy and network policies. `regcred check --online` tests the connection.";
    UNTRUSTED = "RC0407", Invalid, "The certificate of the API server is not trusted",
        cause "The certificate is signed by another authority, is expired, or is for another host.",
        fix "Set the right `certificate-authority` of the cluster in the kubeconfig. Check that no proxy inspects TLS.";
    NOT_KUBERNETES = "RC0408", Invalid, "The server is not a Kubernetes API server",
        cause "The address of the server has the wrong scheme or path, or another program answers there.",
        fix "Correct `server` of the cluster in the kubeconfig or in the config.";
    ANSWER = "RC0409", Malformed, "The answer of the API server is not valid",
        cause "A proxy answered instead of the API server, or the answer is truncated.",
        fix "Check the proxy between regcred and the API server.";
    THROTTLED = "RC0410", Throttled, "The API server asks regcred to wait",
        cause "The API server limits the rate of requests (HTTP 429).",
        fix "No action is needed if it passes. Otherwise set `max_writes_per_second` in the config.";
    CONFLICT = "RC0411", Conflict, "An object changed between the read and the write",
        cause "Another writer changed or deleted the object at the same moment.",
        fix "No action is needed, because regcred retries. Find the other writer if the error persists.";
    NAMESPACE = "RC0412", Gone, "A namespace does not exist or is being deleted",
        cause "The namespace was deleted, is being deleted, or has another name.",
        fix "No action is needed. Correct the name in the config if the namespace should exist.";
    TOO_LARGE_OBJECT = "RC0413", Invalid, "An object is too large for the API server",
        cause "The Secret would be larger than the API server accepts (HTTP 413).",
        fix "Spread the registries over several Secrets.";
    NOT_ACCEPTED = "RC0414", Refused, "The API server does not accept a field",
        cause "A value in the object is not valid for this version of the API server.",
        fix "Correct the field that the message names. It comes from the config or from another writer.";
    WRONG_TYPE = "RC0421", Refused, "The Secret has another type",
        cause "A Secret of this name exists with another type, and the type of a Secret cannot change.",
        fix "Choose another name in the config, or delete the Secret.";
    IMMUTABLE = "RC0422", Refused, "The Secret is immutable",
        cause "The Secret has `immutable: true`, so its credential cannot be refreshed.",
        fix "Choose another name in the config, or delete the Secret.";
    HOLDS_MORE = "RC0423", Refused, "The Secret contains data that the config does not name",
        cause "With `adopt`, regcred would replace the Secret and lose this data.",
        fix "Merge into the Secret instead, with `secret: { merge: true }` and without `adopt`.";
    ABSENT = "RC0424", Refused, "The Secret to merge into does not exist",
        cause "The config only allows regcred to merge into an existing Secret.",
        fix "Create the Secret, or let regcred own it without `merge`.";
    NOT_READ = "RC0425", Refused, "No program would use the login",
        cause "A credential helper or another entry in the Docker config takes precedence over the login of regcred.",
        fix "Remove the entry or the field that the message names.";
    ACCOUNTS = "RC0426", Refused, "ServiceAccounts that the config does not name use the Secret",
        cause "Another program or a person linked the Secret to a ServiceAccount, and regcred has no rights to unlink it.",
        fix "Remove the Secret from the lists of the ServiceAccount with the command in the message.";
    ADOPTION_WAITS = "RC0427", Unreachable, "A Secret is not adopted while a provider fails",
        cause "regcred does not know which logins belong to it until each provider of the target answers.",
        fix "Correct the failing provider. regcred retries.";
    TOO_LARGE = "RC0428", Refused, "The Secret is or would be too large",
        cause "The Secret would exceed the size that regcred writes, or it has too many keys for one registry.",
        fix "Spread the registries over several Secrets, or remove the keys for parts of one registry.";
    OPTIONS = "RC0429", Invalid, "The options of a cluster cannot be used",
        cause "Two sinks lead to the same cluster, or an option contradicts the connection that a program gave.",
        fix "Correct the entry of `sinks:` that the message names.";
    SOURCE_CLUSTER = "RC0431", Invalid, "The cluster of a source Secret is not known",
        cause "`sink` of the provider names no cluster that regcred is connected to, or there are several clusters and it is missing.",
        fix "Set `sink` of the provider to the name of an entry of `sinks:` that is a cluster.";
    SOURCE_ABSENT = "RC0432", Invalid, "A source Secret does not exist",
        cause "The Secret that a provider copies was deleted, or has another name or namespace.",
        fix "Create the Secret, or correct `namespace` and `name` of the provider. Targets keep their last login.";
    SOURCE_NOT_ALLOWED = "RC0433", Refused, "The owner of a source Secret does not allow the copy",
        cause "The Secret is in another namespace than regcred, and its annotation `regcred.dev/allow-copy` does not name this installation.",
        fix "Ask the owner of the Secret to run the `kubectl annotate` command that the message contains.";
    SOURCE_IS_A_COPY = "RC0434", Refused, "A source Secret contains logins that regcred wrote",
        cause "The Secret has labels or annotations of regcred. A provider must not copy its own target.",
        fix "Copy the Secret that the logins originally come from.";
    SOURCE_TYPE = "RC0435", Invalid, "A source Secret has a type that cannot be copied",
        cause "The type is not kubernetes.io/dockerconfigjson, kubernetes.io/dockercfg or kubernetes.io/basic-auth.",
        fix "Name a Secret of one of these types.";
    SOURCE_DATA = "RC0436", Invalid, "A source Secret cannot be read",
        cause "The Secret lacks the key of its type, is too large, or its data is not base64.",
        fix "Create the Secret again, for example with `kubectl create secret docker-registry`.";
}
