//! Tables: columns below each other, as wide as they look on a terminal, and no wider than it is.

use unicode_width::UnicodeWidthChar;

use super::wrap::{broken, columns};

/// Between two columns.
const GAP: &str = "  ";
/// A cell that is wider than this is on its own: no other row is padded for it.
const WIDEST: usize = 60;
/// What may be shortened stays at least this wide.
const NARROWEST: usize = 12;
const ELLIPSIS: &str = "\u{2026}";

/// Returns rows with their columns below each other, two spaces apart. The columns in `right` end together, the others
/// begin together; the last one is as long as it is.
pub fn table<const N: usize>(rows: impl IntoIterator<Item = [String; N]>, right: &[usize]) -> String {
    prose_table(rows, right, None)
}

/// As [`table`], for rows that end with prose: what would be wider than `screen` goes on below the beginning of its column.
pub fn prose_table<const N: usize>(
    rows: impl IntoIterator<Item = [String; N]>,
    right: &[usize],
    screen: Option<usize>,
) -> String {
    lay(&rows.into_iter().collect::<Vec<_>>(), right, screen)
}

/// As [`table`], on a screen of this width, if it is one: then what stands in the columns `paths` is shortened in its middle
/// where a row would be wider.
pub fn fitted<const N: usize>(
    rows: impl IntoIterator<Item = [String; N]>,
    right: &[usize],
    screen: Option<usize>,
    paths: &[usize],
) -> String {
    let mut rows: Vec<[String; N]> = rows.into_iter().collect();
    if let Some(screen) = screen {
        fit(&mut rows, screen, paths);
    }
    lay(&rows, right, None)
}

fn lay<const N: usize>(rows: &[[String; N]], right: &[usize], prose: Option<usize>) -> String {
    let widths: Vec<[usize; N]> = rows.iter().map(|row| std::array::from_fn(|at| columns(&row[at]))).collect();
    let room: [usize; N] =
        std::array::from_fn(|at| widths.iter().map(|it| it[at]).filter(|it| *it <= WIDEST).max().unwrap_or(0));
    let last = room.iter().take(N - 1).map(|it| it + GAP.len()).sum();
    let mut text = String::new();
    for (row, widths) in rows.iter().zip(&widths) {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let prose = prose.filter(|_| at + 1 == N).map(|it| broken(cell, last, last, Some(it)));
            let cell = prose.as_ref().unwrap_or(cell);
            let gap = " ".repeat(room[at].saturating_sub(widths[at]));
            line.extend(if right.contains(&at) { [&gap, cell] } else { [cell, &gap] }.map(String::as_str));
            // A column without anything in it takes no room.
            line.push_str(if room[at] == 0 && widths[at] == 0 { "" } else { GAP });
        }
        text.push_str(line.trim_end_matches(' '));
        text.push('\n');
    }
    text
}

/// Shortens what stands in the columns `paths` until no row is wider than `screen`, as far as that goes: all of them
/// to one width, so that short ones stay as they are.
fn fit<const N: usize>(rows: &mut [[String; N]], screen: usize, paths: &[usize]) {
    let widest = |at: usize| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0);
    let needs: [usize; N] = std::array::from_fn(widest);
    let n_shown = needs.iter().filter(|it| **it > 0).count();
    let fixed: usize = (0..N).filter(|it| !paths.contains(it)).map(|it| needs[it]).sum();
    let room = screen.saturating_sub(fixed + GAP.len() * n_shown.saturating_sub(1));
    let taken = |limit: usize| paths.iter().map(|it| needs[*it].min(limit)).sum::<usize>();
    let mut limit = paths.iter().map(|it| needs[*it]).max().unwrap_or(0);
    while limit > NARROWEST && taken(limit) > room {
        limit -= 1;
    }
    for row in rows {
        paths.iter().for_each(|it| row[*it] = shortened(&row[*it], limit));
    }
}

/// Returns a path in at most `room` columns: what goes is in the middle, and the file's name stays as long as it fits.
pub fn shortened(path: &str, room: usize) -> String {
    if columns(path) <= room {
        return path.to_owned();
    }
    let room = room.saturating_sub(1);
    let name = path.rsplit_once('/').map_or(path, |it| it.1);
    let tail = if path.len() > name.len() && columns(name) < room { format!("/{name}") } else { end(name, room / 2) };
    let head = start(path, room.saturating_sub(columns(&tail)));
    format!("{head}{ELLIPSIS}{tail}")
}

/// Returns the beginning of a text in at most so many columns.
fn start(text: &str, room: usize) -> String {
    let mut taken = 0;
    let fits = |it: &char| {
        taken += it.width().unwrap_or(0);
        taken <= room
    };
    text.chars().take_while(fits).collect()
}

/// Returns the end of a text in at most so many columns.
fn end(text: &str, room: usize) -> String {
    let mut taken = 0;
    let fits = |it: &char| {
        taken += it.width().unwrap_or(0);
        taken <= room
    };
    let n_chars = text.chars().rev().take_while(fits).count();
    let all: Vec<char> = text.chars().collect();
    // What combines with the character before it does not stand alone.
    let tail = &all[all.len() - n_chars..];
    tail.iter().skip_while(|it| it.width() == Some(0)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::paint;
    use super::*;

    fn rows<const N: usize>(rows: &[[&str; N]]) -> Vec<[String; N]> {
        rows.iter().map(|it| it.map(str::to_owned)).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        for (text, wide) in
            [("", 0), ("abc", 3), ("\u{5f71}\u{50cf}", 4), ("e\u{301}", 1), (family, 2), (&paint::bad("no"), 2)]
        {
            assert_eq!(columns(text), wide, "{text}");
        }
        let table = table(rows(&[["\u{5f71}\u{50cf}", "x"], ["e\u{301}", "x"], [family, "x"], ["abcde", ""]]), &[]);
        expect![[r#"
            影像   x
            é      x
            👨‍👩‍👧     x
            abcde
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn prose_goes_on_below_its_beginning() {
        let rows = || rows(&[["a", "one two three"], ["\u{6f22}", "x"]]);
        assert_eq!(table(rows(), &[]), "a   one two three\n\u{6f22}  x\n");
        assert_eq!(table(rows(), &[0]), " a  one two three\n\u{6f22}  x\n");
        assert_eq!(prose_table(rows(), &[], Some(11)), "a   one two\n    three\n\u{6f22}  x\n");
    }

    #[test]
    fn one_wide_cell_pads_no_other_row() {
        let long = "x".repeat(WIDEST + 1);
        assert_eq!(table(rows(&[[&long, "a"], ["y", "b"]]), &[]), format!("{long}  a\ny  b\n"));
        let wide = "x".repeat(WIDEST);
        let gap = " ".repeat(WIDEST - 1);
        assert_eq!(table(rows(&[[&wide, "a"], ["y", "b"]]), &[]), format!("{wide}  a\ny{gap}  b\n"));
        // A column that is empty takes no room, and nothing ends in spaces.
        assert_eq!(table(rows(&[["a", "", "b"], ["c", "", ""]]), &[2]), "a  b\nc\n");
    }

    #[test]
    fn what_is_too_wide_for_a_terminal_is_shortened() {
        let all = rows(&[
            ["1", "assets/sprites/hero.png", "hero"],
            ["2", "assets/very/long/way/to/the/end.png", "a/name/that/is/long"],
        ]);
        expect![[r#"
            1  assets/sprites/hero.png              hero
            2  assets/very/long/way/to/the/end.png  a/name/that/is/long
        "#]]
        .assert_eq(&fitted(all.clone(), &[0], None, &[1, 2]));
        let narrow = fitted(all.clone(), &[0], Some(46), &[1, 2]);
        expect![[r#"
            1  assets/sprit…/hero.png  hero
            2  assets/very/l…/end.png  a/name/that/is/long
        "#]]
        .assert_eq(&narrow);
        for screen in 29..60 {
            let text = fitted(all.clone(), &[0], Some(screen), &[1, 2]);
            assert!(text.lines().all(|it| columns(it) <= screen), "{screen}: {text}");
        }
    }

    #[test]
    fn the_middle_goes_and_the_file_stays() {
        for (path, room, expected) in [
            ("assets/a.png", 12, "assets/a.png"),
            ("assets/very/long/way/end.png", 20, "assets/very\u{2026}/end.png"),
            ("assets/a-name-that-is-far-too-long.png", 16, "assets/a\u{2026}ong.png"),
            ("without-any-directory.png", 11, "witho\u{2026}y.png"),
            ("\u{5f71}\u{50cf}\u{5f71}\u{50cf}/\u{50cf}.png", 12, "\u{5f71}\u{50cf}\u{2026}/\u{50cf}.png"),
            ("abcdefe\u{301}", 3, "a\u{2026}e\u{301}"),
            ("abc", 0, "\u{2026}"),
            ("abc", 1, "\u{2026}"),
        ] {
            assert_eq!(shortened(path, room), expected, "{path}");
        }
    }
}
