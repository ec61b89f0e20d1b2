use super::revision;

fn named(line: &str) -> Option<String> {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    revision(&arguments).ok().map(str::to_owned)
}

#[test]
fn the_other_version_must_be_named() {
    assert_eq!(named("--with v0.1.0").as_deref(), Some("v0.1.0"));
    assert_eq!(named("--with=HEAD~3").as_deref(), Some("HEAD~3"));
    for line in ["", "--with", "--with=", "v0.1.0", "--with a b", "--with --upload-pack"] {
        assert_eq!(named(line), None, "{line}");
    }
}
