//! New migrations must reach `sqlx::migrate!`.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
