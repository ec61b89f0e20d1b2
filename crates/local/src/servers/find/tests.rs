use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use super::{Wishes, find_nats, find_postgres, usable_postgres};
use crate::servers::{folder::postgres_user, scratch_folder};

/// Puts a program in a folder that does nothing but tell its version.
///
/// A child writes it: a program that this process has open for writing while another test starts
/// a child cannot be run.
fn program(folder: &Path, name: &str, version: &str) {
    let script = format!("#!/bin/sh\necho '{version}'\n");
    let written = Command::new("/bin/sh")
        .args(["-c", "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"", "write", &script])
        .arg(folder.join(name))
        .status();
    assert!(written.unwrap().success());
}

/// Wishes that can find programs in one folder only and fetch nothing.
fn wishes_in(folder: &Path) -> Wishes {
    Wishes { search_folders: vec![folder.to_path_buf()], cache: folder.join("cache"), ..Wishes::default() }
}

#[tokio::test]
async fn an_old_nats_server_is_refused_and_the_way_out_is_named() {
    let folder = scratch_folder().unwrap();
    program(folder.path(), "nats-server", "nats-server: v2.9.10");
    let said = Mutex::new(String::new());

    let refusal = find_nats(&wishes_in(folder.path()), &|line| said.lock().unwrap().push_str(line))
        .await
        .unwrap_err()
        .to_string();

    assert!(said.into_inner().unwrap().contains("is 2.9.10, the desk needs 2.10 or newer"));
    for way_out in ["apt install python3-pip", "brew install nats-server", "SKRANKE_NATS_SERVER"] {
        assert!(refusal.contains(way_out), "{refusal}");
    }
}

#[tokio::test]
async fn a_wished_nats_server_that_is_too_old_is_refused() {
    let folder = scratch_folder().unwrap();
    program(folder.path(), "nats-server", "nats-server: v2.9.25");
    let wishes = Wishes { nats_server: Some(folder.path().join("nats-server")), ..wishes_in(folder.path()) };

    let refusal = find_nats(&wishes, &|_| {}).await.unwrap_err().to_string();
    assert_eq!(refusal, "SKRANKE_NATS_SERVER is 2.9.25; the desk needs 2.10 or newer");
}

#[tokio::test]
async fn a_nats_server_that_will_do_is_used_when_no_newer_one_can_be_had() {
    let folder = scratch_folder().unwrap();
    program(folder.path(), "nats-server", "nats-server: v2.10.29");

    let (_, version) = find_nats(&wishes_in(folder.path()), &|_| {}).await.unwrap();
    assert_eq!(version.to_string(), "2.10.29");
}

#[tokio::test]
async fn a_postgres_is_new_enough_and_has_its_initdb() {
    let folder = scratch_folder().unwrap();
    program(folder.path(), "postgres", "postgres (PostgreSQL) 14.20");
    program(folder.path(), "initdb", "");
    let refusal = usable_postgres(folder.path()).await.unwrap_err().to_string();
    assert!(refusal.contains("has Postgres 14.20, the desk needs 15.0 or newer"), "{refusal}");

    program(folder.path(), "postgres", "postgres (PostgreSQL) 16.1");
    usable_postgres(folder.path()).await.unwrap();

    fs::remove_file(folder.path().join("initdb")).unwrap();
    let refusal = usable_postgres(folder.path()).await.unwrap_err().to_string();
    assert!(refusal.ends_with("has no initdb"), "{refusal}");
}

#[tokio::test]
async fn data_get_the_release_that_made_them() {
    let folder = scratch_folder().unwrap();
    for (release, version) in [("99", "99.2"), ("98", "98.7")] {
        let bin = folder.path().join(release);
        fs::create_dir(&bin).unwrap();
        program(&bin, "postgres", &format!("postgres (PostgreSQL) {version}"));
        program(&bin, "initdb", "");
    }
    let wishes = |pg_release| Wishes {
        search_folders: vec![folder.path().join("98"), folder.path().join("99")],
        pg_release,
        ..wishes_in(folder.path())
    };

    let (_, newest) = find_postgres(&wishes(None), &|_| {}).await.unwrap();
    assert_eq!(newest.to_string(), "99.2");
    let (_, fitting) = find_postgres(&wishes(Some(98)), &|_| {}).await.unwrap();
    assert_eq!(fitting.to_string(), "98.7");
    let refusal = find_postgres(&wishes(Some(97)), &|_| {}).await.unwrap_err().to_string();
    assert!(refusal.starts_with("the data were made by Postgres 97"), "{refusal}");
}

#[test]
fn the_environment_is_read_through_the_callers_reader() {
    let wishes = Wishes::read(|name| match name {
        "SKRANKE_PG_BIN" => Some(OsString::from("/opt/pg/bin")),
        "SKRANKE_NATS_SERVER" => Some(OsString::new()),
        "XDG_CACHE_HOME" => Some(OsString::from("relative/is/ignored")),
        "HOME" => Some(OsString::from("/home")),
        _ => None,
    });

    assert_eq!(wishes.pg_bin, Some(PathBuf::from("/opt/pg/bin")));
    assert_eq!(wishes.nats_server, None, "an empty variable is none");
    assert_eq!(wishes.cache, Path::new("/home/.cache/skranke/servers"));
}

#[test]
fn servers_are_not_kept_where_postgres_cannot_go() {
    let folder = scratch_folder().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();

    let cache = Wishes::read(|name| (name == "HOME").then(|| folder.path().into())).cache;

    let expected = match postgres_user() {
        Some(_) => PathBuf::from("/var/cache/skranke/servers"),
        None => folder.path().join(".cache/skranke/servers"),
    };
    assert_eq!(cache, expected);
}
