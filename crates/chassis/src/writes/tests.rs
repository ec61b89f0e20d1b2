use super::*;

#[test]
fn each_statement_has_its_own_parameters() {
    let mut writes = Writes::default();
    writes.add("INSERT INTO a SELECT UNNEST($1::text[]), UNNEST($2::uuid[])").bind(vec!["x"]).bind(vec![1_i64]);
    writes.add_as("b", "UPDATE b SET of = $1 WHERE of < $1 OR $11 RETURNING of").bind(7_i64);
    assert_eq!(
        writes.parts,
        [
            "part_0 AS (INSERT INTO a SELECT UNNEST($1::text[]), UNNEST($2::uuid[]))",
            "b AS (UPDATE b SET of = $3 WHERE of < $3 OR $13 RETURNING of)"
        ]
    );
    assert_eq!(writes.arguments.len(), 3);
}

#[test]
fn a_dollar_that_begins_no_parameter_stays() {
    assert_eq!(renumbered("SELECT '$', '5 $' || $1", 2), "SELECT '$', '5 $' || $3");
    assert_eq!(renumbered("SELECT 1", 2), "SELECT 1");
}
