use super::{NATS_OLDEST, NATS_PREFERRED, POSTGRES_OLDEST, Version};

fn parsed(line: &str) -> Version {
    Version::parse(line).unwrap()
}

#[test]
fn every_server_in_the_field_is_understood() {
    assert_eq!(parsed("nats-server: v2.15.1"), Version::new(2, 15, 1));
    assert_eq!(parsed("nats-server: v2.12.0-RC.1"), Version::new(2, 12, 0));
    assert_eq!(parsed("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Version::new(15, 18, 0));
    assert_eq!(parsed("postgres (PostgreSQL) 19devel"), Version::new(19, 0, 0));
    assert_eq!(parsed("postgres (PostgreSQL) 9.6.24"), Version::new(9, 6, 24));
}

#[test]
fn a_line_without_a_number_is_no_version() {
    assert_eq!(Version::parse(""), None);
    assert_eq!(Version::parse("nats-server: vNext"), None);
    assert_eq!(Version::parse("version 99999999999999999999"), None);
}

#[test]
fn versions_are_compared_as_numbers() {
    assert!(parsed("nats-server: v2.9.10") < NATS_OLDEST);
    assert!(parsed("nats-server: v2.10.29") >= NATS_OLDEST);
    assert!(parsed("nats-server: v2.11.9") < NATS_PREFERRED);
    assert!(parsed("postgres (PostgreSQL) 9.6.24") < POSTGRES_OLDEST);
    assert!(parsed("postgres (PostgreSQL) 14.20") < POSTGRES_OLDEST);
}

#[test]
fn a_version_is_written_as_its_makers_write_it() {
    assert_eq!(parsed("postgres (PostgreSQL) 18.6").to_string(), "18.6");
    assert_eq!(parsed("nats-server: v2.15.1").to_string(), "2.15.1");
}
