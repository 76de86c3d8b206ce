//! A report as a picture (SVG): a bar for each scenario, as long as its ratio to the floor.
//!
//! Bars begin at zero and share one scale; the line across them is the floor, one. The dark stretch at a bar's end is
//! where the middle half of the rounds lies. Where another tool was measured, its bar is the pale one below.

use std::fmt::Write;

use super::report::{Report, Row};
use super::stats::Summary;

/// All in pixels.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const LABELS: f64 = 170.0;
const FIGURES: f64 = 226.0;
const TOP: f64 = 92.0;
const BAR: f64 = 18.0;
const GAP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
const LINE: f64 = 18.0;
/// How much of a command is shown, in characters.
const COMMAND: usize = 110;

const STYLE: &str = "text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-size: 17px; \
                     font-weight: 600 } .dim { fill: #59636e; font-size: 12px } .figure { font-variant-numeric: \
                     tabular-nums } .grid { stroke: #e3e6ea } .floor { stroke: #c2410c; stroke-width: 1.5 } .mark { \
                     fill: #c2410c; font-size: 12px }";

/// Draws a report. A row without a ratio is left out.
pub fn draw(report: &Report) -> String {
    let rows: Vec<(&Row, f64)> = report.rows.iter().filter_map(|it| Some((it, it.wall_ratio?))).collect();
    let has_vs = rows.iter().any(|it| it.0.vs.is_some());
    let step = if has_vs { BAR * 1.5 + GAP } else { BAR + GAP };
    let legend = legend(report, has_vs);
    let end = TOP + step * rows.len() as f64;
    let height = end + BOTTOM + LINE * legend.len() as f64;
    let plot = Plot { left: MARGIN + LABELS, right: WIDTH - MARGIN - FIGURES, most: nice(most(&rows)) };
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>packwright bench</title>\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, MARGIN, 34.0, "title", "Rebuild latency as a multiple of the floor");
    text(&mut svg, MARGIN, 56.0, "dim", &subtitle(report));
    plot.grid(&mut svg, TOP - 8.0, end);
    let columns = [(86.0, "wall"), (146.0, "ratio"), (220.0, if has_vs { "other" } else { "" })];
    columns.iter().for_each(|(x, label)| ending(&mut svg, plot.right + x, TOP - 12.0, label));
    for (nth, (row, ratio)) in rows.iter().enumerate() {
        plot.row(&mut svg, TOP + step * nth as f64, row, *ratio);
    }
    plot.floor(&mut svg, TOP - 8.0, end);
    for (nth, it) in legend.iter().enumerate() {
        text(&mut svg, MARGIN, end + BOTTOM + LINE * nth as f64, "dim", it);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where bars are drawn, and what its right end means.
struct Plot {
    left: f64,
    right: f64,
    most: f64,
}

impl Plot {
    fn x(&self, ratio: f64) -> f64 {
        self.left + (self.right - self.left) * (ratio / self.most).clamp(0.0, 1.0)
    }

    fn grid(&self, svg: &mut String, top: f64, bottom: f64) {
        for nth in 0..=4 {
            let ratio = self.most * f64::from(nth) / 4.0;
            let x = self.x(ratio);
            line(svg, x, top, bottom, "grid");
            centred(svg, x, bottom + 18.0, "dim", &format!("{}x", (ratio * 100.0).round() / 100.0));
        }
    }

    fn floor(&self, svg: &mut String, top: f64, bottom: f64) {
        line(svg, self.x(1.0), top, bottom, "floor");
        centred(svg, self.x(1.0), top - 4.0, "mark", "floor");
    }

    fn row(&self, svg: &mut String, y: f64, row: &Row, ratio: f64) {
        let baseline = y + BAR * 0.74;
        text(svg, MARGIN, baseline, "", &row.title);
        self.bar(svg, y, BAR, ratio, "#2f6db5");
        // The spread of wall times, in terms of the ratio.
        let Summary { median, q1, q3, .. } = row.wall_us;
        if median > 0 {
            let at = |quartile: u64| self.x(ratio * quartile as f64 / median as f64);
            rect(svg, at(q1), y + BAR * 0.39, at(q3) - at(q1), BAR * 0.22, "#143a66");
        }
        ending(svg, self.right + 86.0, baseline, &duration(median));
        ending(svg, self.right + 146.0, baseline, &format!("{ratio:.2}x"));
        if let Some(vs) = &row.vs
            && let Some(times) = vs.wall_ratio
        {
            self.bar(svg, y + BAR, BAR * 0.5, ratio * times, "#b9c6d6");
            ending(svg, self.right + 220.0, baseline, &duration(vs.wall_us.median));
        }
    }

    fn bar(&self, svg: &mut String, y: f64, height: f64, ratio: f64, fill: &str) {
        rect(svg, self.left, y, self.x(ratio) - self.left, height, fill);
    }
}

/// Returns what the longest bar reaches.
fn most(rows: &[(&Row, f64)]) -> f64 {
    let reaches = |(row, ratio): &(&Row, f64)| {
        let spread = if row.wall_us.median > 0 { row.wall_us.q3 as f64 / row.wall_us.median as f64 } else { 1.0 };
        let vs = row.vs.as_ref().and_then(|it| it.wall_ratio).unwrap_or(1.0);
        ratio * spread.max(vs)
    };
    rows.iter().map(reaches).fold(1.0, f64::max)
}

/// Returns the next larger number that four steps of a scale look well with.
fn nice(most: f64) -> f64 {
    let magnitude = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    steps.iter().map(|it| it * magnitude).find(|it| *it >= most).unwrap_or(most)
}

fn subtitle(report: &Report) -> String {
    let workspace = &report.workspace;
    let machine = &report.machine;
    let shape = workspace.generated.map(|it| format!(" ({:?}, {})", it.shape, it.sizes).to_lowercase());
    let mut parts = vec![
        format!("{} assets{}", workspace.assets, shape.unwrap_or_default()),
        format!("{} sources", workspace.sources),
        format!("profile {}", report.profile),
        format!("{} rounds", report.rounds),
        format!("{} cores", machine.cores),
    ];
    parts.extend(machine.processor.clone());
    parts.extend(machine.file_system.clone());
    parts.push(format!("packwright {}", report.packwright));
    parts.join(", ")
}

fn legend(report: &Report, has_vs: bool) -> Vec<String> {
    let bars = "Bars: median over rounds of wall time (cold process) to floor; dark: middle half of the wall times.";
    let mut legend = vec![bars.to_owned()];
    if let (true, Some(command)) = (has_vs, &report.vs) {
        let more = if command.chars().count() > COMMAND { "..." } else { "" };
        legend.push(format!("Pale: {}{more}", command.chars().take(COMMAND).collect::<String>()));
    }
    legend
}

/// Returns a time with three digits or so.
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..100_000 => format!("{:.1} ms", us as f64 / 1e3),
        100_000..10_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

fn rect(svg: &mut String, x: f64, y: f64, width: f64, height: f64, fill: &str) {
    let width = width.max(1.0);
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1\" fill=\"{fill}\"/>"
    );
}

fn line(svg: &mut String, x: f64, top: f64, bottom: f64, class: &str) {
    let _ = writeln!(svg, "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" class=\"{class}\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{content}</text>");
}

/// Writes text that ends at `x`.
fn ending(svg: &mut String, x: f64, y: f64, content: &str) {
    let content = escaped(content);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"figure\" text-anchor=\"end\">{content}</text>");
}

fn centred(svg: &mut String, x: f64, y: f64, class: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"middle\">{content}</text>");
}

/// Returns text as XML holds it; what XML cannot hold at all becomes a space.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::report::testing::{report, row};
    use super::super::scenario::Scenario;
    use super::*;

    /// Returns the names of all elements in order, or what is wrong: as much of XML as a chart has.
    fn elements(svg: &str) -> Result<Vec<String>, String> {
        let (mut open, mut seen) = (Vec::new(), Vec::new());
        for piece in svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').ok_or("a tag without an end")?;
            if text.contains('&') && !text.split('&').skip(1).all(|it| it.contains(';')) {
                return Err(format!("a bare ampersand in `{text}`"));
            }
            if tag.matches('"').count() % 2 == 1 {
                return Err(format!("an open quote in `{tag}`"));
            }
            let name = tag.trim_start_matches('/').trim_end_matches('/').split(' ').next().unwrap_or_default();
            if tag.starts_with('/') {
                if open.pop().as_deref() != Some(name) {
                    return Err(format!("`{name}` ends where it is not open"));
                }
            } else {
                seen.push(name.to_owned());
                if !tag.ends_with('/') {
                    open.push(name.to_owned());
                }
            }
        }
        if open.is_empty() { Ok(seen) } else { Err(format!("{open:?} stay open")) }
    }

    #[test]
    fn a_chart_is_well_formed() {
        let vs = [row(Scenario::Null, &[(20, 10, Some(500))]), row(Scenario::Clean, &[(90, 30, None), (99, 30, None)])];
        let odd = Report { vs: Some("make & \u{1b}<run> \"it\"".to_owned()), ..report(vs.to_vec()) };
        let flat = row(Scenario::Null, &[(0, 10, None)]);
        for it in [report(Vec::new()), report(vs[..1].to_vec()), odd, report(vec![flat])] {
            let svg = draw(&it);
            let seen = elements(&svg).unwrap_or_else(|problem| panic!("{problem}\n{svg}"));
            assert_eq!((seen[0].as_str(), seen.iter().filter(|it| *it == "svg").count()), ("svg", 1));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn bars_share_one_scale_that_begins_at_zero() {
        let svg = draw(&report(vec![row(Scenario::Null, &[(20, 10, None)]), row(Scenario::Clean, &[(40, 10, None)])]));
        let bars = svg.lines().filter(|it| it.contains("#2f6db5"));
        let widths: Vec<f64> = bars
            .map(|it| it.split("width=\"").nth(1).and_then(|it| it.split('"').next()).expect("a width"))
            .map(|it| it.parse().expect("a number"))
            .collect();
        assert!((widths[1] / widths[0] - 2.0).abs() < 0.01, "{widths:?}");
    }

    #[test]
    fn scales_end_at_round_numbers() {
        for (most, end) in [(1.0, 1.0), (1.1, 1.2), (2.3, 2.4), (9.0, 10.0), (47.0, 60.0), (101.0, 120.0)] {
            assert!((nice(most) - end).abs() < 1e-9, "{most}");
        }
    }

    #[test]
    fn times_have_units() {
        let all = [(999, "999 us"), (27_249, "27.2 ms"), (412_000, "412 ms"), (12_345_678, "12.3 s")];
        assert!(all.iter().all(|(us, text)| duration(*us) == *text));
    }
}
