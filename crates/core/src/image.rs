//! Image names, as container runtimes read them.

use std::{fmt, str::FromStr};

use crate::{Error, Registry, Result, codes};

/// The repository that an image is pulled from, such as `registry.example:5000/team/app`. Tag and digest are dropped.
///
/// Docker, Podman and the kubelet resolve a name without a registry to Docker Hub. This type does the same.
///
/// Source: `ParseNormalizedNamed` in the `reference` package of distribution.
///
/// ```
/// # use regcred_core::ImageName;
/// assert_eq!(ImageName::new("nginx:1.29")?.as_str(), "docker.io/library/nginx");
/// assert_eq!(ImageName::new("quay.io/team/app@sha256:0123")?.as_str(), "quay.io/team/app");
/// # Ok::<(), regcred_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName(Registry);

impl ImageName {
    /// Parses an image reference. Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the reason for a
    /// scheme, a missing name, upper-case letters in the repository, or an invalid registry.
    pub fn new(reference: impl AsRef<str>) -> Result<Self> {
        let reference = reference.as_ref();
        let invalid = |reason: &str| Error::new(&codes::NAME, format!("{reference:?} is not an image: {reason}"));
        if reference.contains("://") {
            return Err(invalid("it has a scheme"));
        }
        let name = reference.split('@').next().unwrap_or_default();
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => ("docker.io", name),
        };
        let path = path.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(path, |(path, _)| path);
        if path.split('/').any(str::is_empty) {
            return Err(invalid("its repository has no name"));
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid("its repository has upper-case letters"));
        }
        let is_official = !path.contains('/') && matches!(host, "docker.io" | "index.docker.io");
        let library = if is_official { "library/" } else { "" };
        Registry::new(format!("{host}/{library}{path}")).map(Self).map_err(|error| invalid(&error.to_string()))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ImageName {
    type Err = Error;

    fn from_str(reference: &str) -> Result<Self> {
        Self::new(reference)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    use super::*;

    /// Each case was checked with the code of distribution, or is an example from its documentation.
    #[test]
    fn an_image_reference_is_parsed_as_container_runtimes_parse_it() {
        let cases = [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.29", "docker.io/library/nginx"),
            ("team/app", "docker.io/team/app"),
            ("index.docker.io/nginx", "docker.io/library/nginx"),
            ("docker.io/team/app:1", "docker.io/team/app"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app:1", "localhost:5000/app"),
            ("r.example/app", "r.example/app"),
            ("R.Example/app", "r.example/app"),
            ("r.example:443/team/app:v1@sha256:0123", "r.example:443/team/app"),
            ("[::1]:5000/app", "[::1]:5000/app"),
            ("r.example/v1/app", "r.example/v1/app"),
        ];
        for (reference, expected) in cases {
            assert_eq!(ImageName::new(reference).expect(reference).as_str(), expected, "{reference}");
        }
        for bad in
            ["", "/app", "r.example/", "r.example/Team/app", "docker://nginx", "oci://r.example/app", "a b", ":1"]
        {
            assert_eq!(ImageName::new(bad).expect_err(bad).kind(), ErrorKind::Invalid);
        }
    }
}
