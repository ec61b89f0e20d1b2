//! compose.yaml and the Dockerfile: the same program with settings that it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::Context;
use chassis::Config;
use clap::Parser;
use integration::skranke_binary;
use local::SERVICES;
use serde_json::Value;

use super::rendered::{read, root, text};

/// The libraries of the image that the program runs in.
const IN_IMAGE: [&str; 5] = ["linux-vdso.so", "libgcc_s.so", "libm.so", "libc.so", "ld-linux"];

fn compose() -> anyhow::Result<Value> {
    Ok(serde_saphyr::from_str(&read("compose.yaml")?)?)
}

/// A service's variables as text.
fn variables(service: &Value) -> BTreeMap<String, String> {
    let all = service["environment"].as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

#[test]
fn compose_runs_every_service_with_settings_that_it_knows() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = &compose["services"];
    for service in SERVICES {
        let (name, database) = (service.name(), service.database());
        let variables = variables(&services[name]);
        for variable in variables.keys() {
            assert!(Config::VARIABLES.contains(&variable.as_str()), "{name}: {variable}");
        }
        let config = Config::read(|variable| variables.get(variable).cloned())?;
        assert!(config.database_url.starts_with("postgres://desk_app:${DESK_APP_PASSWORD"), "{}", config.database_url);
        assert!(config.machinery_database_url.starts_with("postgres://desk_machinery:${DESK_MACHINERY_PASSWORD"));
        for url in [&config.database_url, &config.machinery_database_url] {
            assert!(url.ends_with(&format!("@postgres/{database}")), "{url}");
        }
        assert!(text(&services[name], "/ports/0").ends_with(&format!(":{}", config.grpc_address.port())));
        assert!(text(&services[name], "/ports/0").starts_with("127.0.0.1:"), "gRPC is not encrypted here");
        let needs = &services[name]["depends_on"];
        for needed in [&format!("{name}-migrate"), "streams", "issuer"] {
            assert_eq!(needs[needed]["condition"], "service_completed_successfully", "{name}: {needed}");
        }
        assert!(services[&format!("{name}-migrate")]["command"].is_array());
    }
    let ours = services.as_object().into_iter().flatten().filter(|(_, one)| one["image"] == "skranke:0.1.0");
    for (name, service) in ours {
        let words = |pointer| service.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let command = words("/command").filter_map(Value::as_str);
        skranke::Arguments::try_parse_from(std::iter::once("skranke").chain(command))?;
        let check: Vec<&str> = words("/healthcheck/test").filter_map(Value::as_str).skip(2).collect();
        if !check.is_empty() {
            skranke::Arguments::try_parse_from(std::iter::once("skranke").chain(check))?;
        }
        assert_eq!(service["read_only"], true, "{name}");
    }
    Ok(())
}

/// The variables that `compose.yaml` cannot do without: `${NAME:?why}`.
fn required(yaml: &str) -> BTreeSet<String> {
    let begun = yaml.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split("${").skip(1));
    begun.filter_map(|rest| Some(rest.split_once(":?")?.0.to_owned())).collect()
}

/// The command that writes the passwords, as people are told to type it.
fn passwords_command(document: &str) -> Option<String> {
    let lines: Vec<&str> = document.lines().map(|line| line.strip_prefix("#   ").unwrap_or(line)).collect();
    let begin = lines.iter().position(|line| line.contains("for name in "))?;
    let rest = lines.get(begin..)?;
    let end = rest.iter().position(|line| line.contains("done"))?;
    Some(rest.get(..=end)?.join("\n"))
}

#[test]
fn one_command_writes_every_password_that_compose_asks_for_and_none_twice() -> anyhow::Result<()> {
    let yaml = read("compose.yaml")?;
    let command = passwords_command(&yaml).context("compose.yaml says how")?;
    assert_eq!(passwords_command(&read("docs/kubernetes.md")?), Some(command.clone()), "both say the same");
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: there is no openssl");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let typed = || Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output();
    assert!(typed()?.status.success());
    let file = folder.path().join(".env");
    let written = std::fs::read_to_string(&file)?;
    let passwords: BTreeMap<&str, &str> = written.lines().filter_map(|line| line.split_once('=')).collect();
    let names: BTreeSet<String> = passwords.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, required(&yaml));
    for password in passwords.values() {
        assert!(password.len() == 48 && password.bytes().all(|byte| byte.is_ascii_hexdigit()), "{password}");
    }
    assert_eq!(passwords.values().collect::<BTreeSet<_>>().len(), names.len(), "each has its own");
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600, "nobody else reads them");
    // Postgres keeps those of its first start.
    assert!(!typed()?.status.success());
    assert_eq!(std::fs::read_to_string(&file)?, written);
    Ok(())
}

#[test]
fn compose_makes_the_roles_and_the_databases_that_services_need() -> anyhow::Result<()> {
    let sql = read("deploy/compose/roles.sql")?;
    for role in ["desk_owner", "desk_app", "desk_machinery"] {
        assert!(sql.contains(&format!("CREATE ROLE {role} LOGIN NOBYPASSRLS PASSWORD ")), "{role}");
    }
    let made = sql.lines().filter_map(|line| line.strip_prefix("CREATE DATABASE "));
    let expected: Vec<String> = SERVICES.iter().map(|one| format!("{} OWNER desk_owner;", one.database())).collect();
    assert_eq!(made.collect::<Vec<_>>(), expected);
    let asked = sql.lines().filter_map(|line| line.strip_prefix("\\getenv ")).filter_map(|line| line.split(' ').nth(1));
    let given = variables(&compose()?["services"]["postgres"]);
    for variable in asked {
        assert!(given.contains_key(variable), "{variable}");
    }
    Ok(())
}

#[test]
fn the_image_gets_all_that_the_build_and_the_program_need() -> anyhow::Result<()> {
    let (docker, ignored) = (read("Dockerfile")?, read(".dockerignore")?);
    for line in docker.lines().filter(|line| line.starts_with("FROM ")) {
        let image = line.split_whitespace().nth(1).unwrap_or_default();
        assert!(image.contains(':') && !image.ends_with(":latest"), "{image}");
    }
    assert!(docker.contains("\nUSER 10001:10001\n"));
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for name in &kept {
        assert!(root().join(name).exists(), "there is no {name}");
    }
    let manifest = read("Cargo.toml")?;
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap_or_default();
    for member in members.split('"').skip(1).step_by(2) {
        let top = member.split('/').next().unwrap_or_default();
        assert!(kept.contains(&top), "cargo needs {member}");
    }
    for needed in [".cargo", "Cargo.lock", "proto", "demo"] {
        assert!(kept.contains(&needed), "the build needs {needed}");
    }
    // Everything that it links to is in the image's base: glibc and libgcc.
    let listed = Command::new("ldd").arg(skranke_binary()?).output();
    let Ok(listed) = listed else {
        println!("skipped: there is no ldd");
        return Ok(());
    };
    for library in String::from_utf8_lossy(&listed.stdout).lines() {
        assert!(IN_IMAGE.iter().any(|one| library.contains(one)), "{library} is not in the image");
    }
    Ok(())
}
