use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use super::{DataFolder, closed_to_postgres, open_to_all, postgres_user, scratch_folder};

#[test]
fn a_folder_has_one_desk_and_the_second_is_told_which() {
    let scratch = scratch_folder().unwrap();
    let folder = scratch.path().join("desk");
    let first = DataFolder::claim(&folder).unwrap();

    let refusal = DataFolder::claim(&folder).unwrap_err().to_string();
    assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");

    drop(first);
    DataFolder::claim(&folder).unwrap();
}

#[test]
fn a_claim_left_by_a_dead_desk_is_no_hindrance() {
    let scratch = scratch_folder().unwrap();
    fs::write(scratch.path().join("desk.pid"), "4194304999\n").unwrap();

    let _ours = DataFolder::claim(scratch.path()).unwrap();

    let holder = fs::read_to_string(scratch.path().join("desk.pid")).unwrap();
    assert_eq!(holder, format!("{}\n", std::process::id()));
}

#[test]
fn a_closed_folder_on_the_way_is_named() {
    let scratch = scratch_folder().unwrap();
    let closed = scratch.path().join("closed");
    let inside = closed.join("inside");
    fs::create_dir_all(&inside).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();

    let expected = postgres_user().map(|_| closed.clone());
    assert_eq!(closed_to_postgres(&inside), expected);

    fs::set_permissions(&closed, Permissions::from_mode(0o711)).unwrap();
    assert_eq!(closed_to_postgres(&inside), None);
}

#[test]
fn a_tree_opened_to_all_is_readable_and_only_programs_run() {
    let scratch = scratch_folder().unwrap();
    let (program, text) = (scratch.path().join("program"), scratch.path().join("text"));
    for (path, mode) in [(&program, 0o700), (&text, 0o600)] {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    open_to_all(scratch.path()).unwrap();

    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&program), mode(&text)), (0o755, 0o644));
}
