use super::*;

#[tokio::test]
async fn only_a_unit_of_work_that_appends_is_one_that_appended() {
    let appends = watched(async {
        note_appended();
        "done"
    });
    assert_eq!(appends.await, ("done", true));
    assert_eq!(watched(async { "done" }).await, ("done", false));
}

#[tokio::test]
async fn what_one_unit_of_work_appends_is_not_anothers() {
    let (two, one) = watched(async { watched(async { note_appended() }).await }).await;
    assert_eq!((two.1, one), (true, false));
}
