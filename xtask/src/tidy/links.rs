//! Links between the pages of the documentation.

use super::Finding;
use crate::project::{Tree, is_of_type};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.texts().filter(|(path, _)| is_of_type(path, "md"));
    pages.flat_map(|(path, text)| check_page(tree, path, text)).collect()
}

fn check_page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, target) in targets(text) {
        if leads_outside(&target) {
            continue;
        }
        let file = target.split(['#', '?']).next().unwrap_or_default().replace("%20", " ");
        let exists = file.is_empty() || resolved(path, &file).is_some_and(|to| tree.has(&to));
        if !exists {
            findings.push(Finding {
                path: path.to_owned(),
                line,
                what: format!("a link to `{target}`, which does not exist"),
                why: "who follows it finds nothing",
                mend: "correct the path (it is relative to this page), or remove the link",
            });
        }
    }
    findings
}

fn leads_outside(target: &str) -> bool {
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_scheme || target.starts_with("//")
}

/// The path from the root that `target` means on the page `from`; `None` outside the checkout.
fn resolved(from: &str, target: &str) -> Option<String> {
    let (folder, target) = match target.strip_prefix('/') {
        Some(from_root) => ("", from_root),
        None => (from.rsplit_once('/').map_or("", |(folder, _)| folder), target),
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The targets of links and images outside code, with their lines.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                let inline = inline_targets(&without_code(line));
                found.extend(inline.into_iter().chain(defined(start)).map(|to| (index + 1, to)));
            }
            _ => {}
        }
    }
    found
}

/// The line with its `code` blanked out.
fn without_code(line: &str) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    let is_code = |index: usize| index % 2 == 1 && index + 1 < pieces.len();
    let kept = pieces.iter().enumerate().map(|(i, piece)| if is_code(i) { "" } else { piece });
    kept.collect()
}

/// The targets of `[text](target "title")`.
fn inline_targets(line: &str) -> Vec<String> {
    let opened = line.match_indices("](").map(|(at, mark)| &line[at + mark.len()..]);
    opened.filter_map(|rest| Some(bare(&rest[..closing(rest)?]))).collect()
}

/// Where the bracket closes that was opened before `rest`.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The target of a definition such as `[name]: target "title"`.
fn defined(line: &str) -> Option<String> {
    let (name, target) = line.strip_prefix('[')?.split_once("]:")?;
    (!name.contains(']') && !name.starts_with('^')).then(|| bare(target))
}

/// The target without its title and its angle brackets.
fn bare(target: &str) -> String {
    let target = target.trim();
    match target.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((inner, _)) => inner.to_owned(),
        None => target.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(page: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[
            ("README.md", ""),
            ("docs/operating/page.md", page),
            ("docs/operating/next.md", ""),
            ("docs/with space.md", ""),
        ]);
        check(&tree).into_iter().map(|found| (found.line, found.what)).collect()
    }

    #[test]
    fn links_to_what_exists_are_no_findings() {
        for link in [
            "next.md",
            "./next.md#part",
            "../operating",
            "../operating/",
            "../../README.md",
            "/README.md",
            "#part",
            "https://example.com/x",
            "mailto:a@example.com",
            "<next.md>",
            "next.md \"A title\"",
            "../with%20space.md",
            "<../with space.md>",
            "../..",
        ] {
            assert_eq!(findings(&format!("See [it]({link}).")), [], "{link}");
            assert_eq!(findings(&format!("[it]: {link}")), [], "{link}");
        }
    }

    #[test]
    fn links_to_what_does_not_exist_are_found() {
        for link in ["missing.md", "../next.md", "README.md", "/docs/next.md", "../../../README.md"]
        {
            let what = format!("a link to `{link}`, which does not exist");
            assert_eq!(findings(&format!("\nSee [it]({link}).")), [(2, what.clone())]);
            assert_eq!(findings(&format!("[it]: {link}")), [(1, what.clone())]);
            assert_eq!(findings(&format!("[a](next.md) ![b]({link})")), [(1, what)]);
        }
    }

    #[test]
    fn what_stands_in_code_is_no_link() {
        assert_eq!(findings("```\n[a](missing.md)\n```\n"), []);
        assert_eq!(findings("Write `[a](missing.md)`."), []);
        assert_eq!(findings("```\n```\n[a](missing.md)").len(), 1);
        assert_eq!(findings("A ` and [a](missing.md)").len(), 1);
        assert_eq!(findings("[`code`](missing.md)").len(), 1);
    }
}
