//! The codes of failures that the engine reports.

regcred_core::codes! {
    /// The codes of failures that the engine reports.
    pub CODES;
    PROVIDER_TIMEOUT = "RC0031", Unreachable, "A provider did not answer in time",
        cause "The provider did not return a credential within 30 seconds.",
        fix "Check the network between regcred and the registry. regcred retries.";
    SINK_TIMEOUT = "RC0032", Unreachable, "A sink did not answer in time",
        cause "The sink did not finish a read or a write of one target within 60 seconds.",
        fix "Check the network between regcred and the cluster, and the load of its API server. regcred retries.";
    PASS_TIMEOUT = "RC0033", Unreachable, "The pass ended before this target was reconciled",
        cause "A pass has a limited time, and the providers or the cluster were too slow for all targets.",
        fix "Run the next pass, which continues with the remaining targets. Use a longer `--timeout` if it happens often.";
    PANIC = "RC0034", Bug, "A provider, a sink or a source panicked",
        cause "The code of a provider, a sink or a source has a bug. The other targets are not affected.",
        fix "Report it with the version and the logs.";
    EXPIRED_CREDENTIAL = "RC0035", Malformed, "A provider returned an expired credential",
        cause "The credential expired before regcred could write it, so the clock of the provider or of regcred is wrong.",
        fix "Check the clocks of the machines. `regcred check --online` compares them.";
    WIRING = "RC0036", Invalid, "The routes of an engine do not fit together",
        cause "Two providers share a name, or a route names a provider or a route that does not exist.",
        fix "Correct the program that builds the engine. A config cannot cause it.";
    NOT_OBSERVED = "RC0037", Conflict, "A target was written without being read first",
        cause "A program called `apply` with the observation of another target or sink.",
        fix "Call `observe` of the same sink and target first.";
}
