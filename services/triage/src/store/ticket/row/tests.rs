//! What Postgres is told.

use super::*;

#[test]
fn texts_are_quoted_as_an_array_however_they_look() {
    let texts = ["plain", "with, comma", "\"quoted\"", "back\\slash", "{brace}", "NULL", ""].map(str::to_owned);
    assert_eq!(array(&texts), r#"{"plain","with, comma","\"quoted\"","back\\slash","{brace}","NULL",""}"#);
}
