//! The codes of failures with Amazon ECR and with identities in AWS.

regcred_core::codes! {
    /// The codes of failures with Amazon ECR and with identities in AWS.
    pub CODES;
    DENIED = "RC0301", Denied, "AWS denied a request",
        cause "The identity of regcred has no permission for the action, its keys are wrong or expired, or a policy denies the action.",
        fix "Grant the action that the message names. AWS needs up to a minute to apply a change. For sts:AssumeRole, also check the trust policy of the role. `regcred manifests --mode iam` prints the policies, and `regcred check --online` shows the identity.";
    NO_IDENTITY = "RC0302", Denied, "regcred found no AWS credentials",
        cause "No source of credentials is set: no variables, profile, web identity, container credentials or instance role.",
        fix "Give the pod an identity with `regcred manifests --identity`, or set a profile or keys. A new association works after about a minute.";
    WRONG_PRINCIPAL = "RC0303", Denied, "The identity in AWS is not the required one",
        cause "The provider has a `principal`, and AWS recognises regcred as another one.",
        fix "Use the right credentials, or correct `principal` of the provider.";
    SESSION = "RC0304", Denied, "An AWS profile needs a login",
        cause "The profile uses `aws sso login` or `aws login`, and its session is missing, expired or damaged.",
        fix "Run the command that the message names. A pod needs an identity without a person, such as a web identity.";
    THROTTLED = "RC0305", Throttled, "AWS throttles requests",
        cause "The account makes too many calls in this region, from regcred or from other programs.",
        fix "No action is needed if it passes, because regcred waits as long as AWS asks. Otherwise find the other callers.";
    UNREACHABLE = "RC0306", Unreachable, "AWS cannot be reached",
        cause "The connection failed, its certificate is not trusted, the proxy refused it, or AWS reports an internal error.",
        fix "Check DNS, the proxy, network policies and VPC endpoints. `regcred check` prints the hosts that regcred connects to.";
    ANSWER = "RC0307", Malformed, "The answer of AWS is not valid",
        cause "A proxy or another server answered instead of AWS, or the answer is truncated.",
        fix "Check the endpoint and the proxy that the message names.";
    TOKEN = "RC0308", Malformed, "The token of ECR cannot be used",
        cause "The answer has no token for the region, several tokens, a token that does not decode, or an impossible expiry.",
        fix "Check the endpoint, and the clock of this machine.";
    REQUEST = "RC0309", Invalid, "AWS refused the request as invalid, or it could not be made",
        cause "A setting, such as the region, the role, the session name or the endpoint, is not valid for AWS.",
        fix "Correct the setting that the message names.";
    SETTING = "RC0310", Invalid, "An AWS setting cannot be used",
        cause "A variable, a key of a profile or an option of the provider has an empty, unknown or unsafe value.",
        fix "Correct the variable, the profile or the option that the message names.";
    PROFILE = "RC0311", Invalid, "An AWS profile cannot be used",
        cause "The profile does not exist, has no credentials, leads back to itself, or needs a code from a person.",
        fix "Correct the profile in the file that the message names, or name another profile.";
    TOKEN_FILE = "RC0312", Invalid, "The token file of the AWS identity cannot be used",
        cause "The file of the web identity or of the container does not exist or is not text.",
        fix "Check that the pod mounts the token, and the path in AWS_WEB_IDENTITY_TOKEN_FILE or `token_file`.";
    TOKEN_FILE_EMPTY = "RC0313", Unreachable, "The token file of the AWS identity is empty",
        cause "The kubelet writes the file at this moment, or has not written it yet.",
        fix "No action is needed if it passes. Otherwise check the volume of the token.";
    PROCESS = "RC0314", Invalid, "The credential_process of an AWS profile cannot be used",
        cause "The program is not installed, is not allowed, or printed something that is not credentials.",
        fix "Run the program by hand. In a pod, add its absolute path to `programs` of the provider.";
    PROCESS_FAILED = "RC0315", Denied, "The credential_process of an AWS profile failed",
        cause "The program ended with an error, or printed credentials that have expired.",
        fix "Run the program by hand to see its messages. regcred does not show its output, which can contain secrets.";
    PROCESS_TIMEOUT = "RC0316", Unreachable, "The credential_process of an AWS profile did not finish",
        cause "The program ran for too long, or was killed.",
        fix "Run the program by hand. Check whether it waits for a person or for a server.";
    NO_ROLE = "RC0317", Denied, "The machine or the container has no usable role",
        cause "The instance metadata service or the container credentials endpoint refused the request.",
        fix "Attach an instance profile, or give the pod its own identity with `regcred manifests --identity`.";
    METADATA = "RC0318", Unreachable, "The instance metadata service does not answer",
        cause "The machine is not in EC2, the service is disabled, or it limits its answers to one network hop.",
        fix "Set the hop limit to 2, or give the pod its own identity with `regcred manifests --identity`.";
    TRUST = "RC0319", Invalid, "A bundle of certificate authorities cannot be used",
        cause "The file does not exist, has no PEM certificate, or contains a damaged one.",
        fix "Correct the file, or the variable or the option with its path.";
    REGISTRY = "RC0320", Invalid, "A region, an account or a registry of ECR is not valid",
        cause "The region or the account has the wrong form, or the host is not a registry of ECR in this region. regcred checks the form without asking AWS.",
        fix "Correct the value. The message contains the expected form.";
    TENANT = "RC0321", Invalid, "A source of credentials belongs to the process",
        cause "A program gave the provider an environment of its own, and the source is not part of it.",
        fix "Use keys, a profile with keys or roles, or a web identity.";
    POD_IDENTITY = "RC0322", Invalid, "The identity of the pod in AWS is missing or incomplete",
        cause "`regcred manifests` or the chart needs an identity, and it is not named, or one of its values is missing or contradicts the config.",
        fix "Name it with `--identity` and the flags that the message names. `regcred manifests --help` lists them.";
}
