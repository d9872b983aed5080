//! Finding the short history in a long one: parts are left out while what remains still fails.

/// The shortest list that leaving out parts of `whole` leads to and that still `fails`: no single
/// element of it can be left out.
pub fn shrink<T: Clone>(whole: &[T], fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut shortest = whole.to_vec();
    let mut part = shortest.len().div_ceil(2).max(1);
    loop {
        let before = shortest.len();
        leave_out(&mut shortest, part, &fails);
        if part > 1 {
            part = part.div_ceil(2);
        } else if shortest.len() == before {
            return shortest;
        }
    }
}

/// Leaves out every part of this length that is not needed, from the end.
fn leave_out<T: Clone>(list: &mut Vec<T>, part: usize, fails: &impl Fn(&[T]) -> bool) {
    let mut end = list.len();
    while end > 0 {
        let start = end.saturating_sub(part);
        let mut shorter = list[..start].to_vec();
        shorter.extend_from_slice(&list[end..]);
        if fails(&shorter) {
            *list = shorter;
        }
        end = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_remains_and_nothing_else() {
        let whole: Vec<u32> = (0..1000).collect();
        let needs = |list: &[u32]| [3, 500, 997].iter().all(|number| list.contains(number));
        assert_eq!(shrink(&whole, needs), [3, 500, 997]);
    }

    #[test]
    fn what_fails_whatever_happens_shrinks_to_nothing() {
        assert!(shrink(&[1, 2, 3], |_: &[i32]| true).is_empty());
        assert!(shrink(&[], |_: &[i32]| true).is_empty());
    }
}
