//! A settled null build, by what it asks of the file system.

use expect_test::expect;

use super::support::{check, check_cold};

#[test]
fn x() {
    check_cold(
        r#"
//- /assets/a.txt
a
//- /assets/b/b.txt
b
//- /assets/b/c/c.txt
c
//- build --counts
//- build --counts
//- build --counts
//- build --counts
"#,
        expect![[r#"
    build 1: written, 3 assets in the pack
      register `assets/a.txt` as 1
      register `assets/b/b.txt` as 2
      register `assets/b/c/c.txt` as 3
      digested 3
      processed raw: assets [a.txt]
      processed raw: assets/b [b.txt]
      processed raw: assets/b/c [c.txt]
      wrote main.parts/*.part
      wrote main.parts/*.part
      wrote main.pack
      sources: 3, stats: 58, lists: 6, opens: 47, bytes_read: 1660, databases_opened_for_writing: 3, files_written: 16, bytes_written: 119707, renames: 8, removes: 2, syncs: 17
    build 2: up to date, 3 assets in the pack
      digested 3
      sources: 3, stats: 32, lists: 3, opens: 28, bytes_read: 121971, databases_opened_for_writing: 1, files_written: 3, bytes_written: 67459, renames: 0, removes: 3, syncs: 0
    build 3: up to date, 3 assets in the pack
      sources: 3, stats: 26, lists: 0, opens: 3, bytes_read: 143783, databases_opened_for_writing: 0, files_written: 0, bytes_written: 0, renames: 0, removes: 0, syncs: 0
    build 4: up to date, 3 assets in the pack
      sources: 3, stats: 26, lists: 0, opens: 3, bytes_read: 143783, databases_opened_for_writing: 0, files_written: 0, bytes_written: 0, renames: 0, removes: 0, syncs: 0
"#]],
    );
}
