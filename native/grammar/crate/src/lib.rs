//! Exports llguidance's C ABI, whose functions are declared in the crate's own `llguidance.h`, and what that lacks: how
//! much work a grammar's expressions make of one byte. llguidance counts the fuel of a byte after it has been read.
pub use llguidance::*;

use std::ffi::{c_char, CStr};

use api::{GrammarInit, ParserLimits, TopLevelGrammar};
use derivre::{raw::ExprSet, ExprRef, RegexBuilder};

/// The most branches that one byte can make an expression of the grammar weigh, all put together; 0 for what is no
/// grammar. It grows with the square of the number of parts in a row that may be absent: after the byte each of
/// `a?b?c?` may come next, and so may each of `b?c?`.
///
/// # Safety
/// `lark` must be a C string.
#[no_mangle]
pub unsafe extern "C" fn mlxd_work_per_byte(lark: *const c_char) -> u64 {
    let lark = unsafe { CStr::from_ptr(lark) };
    panic_utils::catch_unwind(|| {
        let grammar = TopLevelGrammar::from_lark(lark.to_str()?.to_string());
        let (_, lexer) =
            GrammarInit::Serialized(grammar).to_internal(None, ParserLimits::default())?;
        Ok(most_work(lexer.regex_builder.exprset()))
    })
    .unwrap_or(0)
}

#[derive(Clone, Copy)]
struct Step {
    /// Branches that a byte leaves.
    branches: u64,
    /// Those of all parts that the byte may belong to.
    work: u64,
}

const ONE: Step = Step {
    branches: 1,
    work: 1,
};

fn most_work(exprs: &ExprSet) -> u64 {
    // The kind of one expression after another, which has no name outside derivre.
    let mut sample = RegexBuilder::new();
    let pair = sample.mk_regex("[ab][cd]").expect("an expression");
    let concat = sample.exprset().get_tag(pair);
    let mut steps = vec![ONE; exprs.len()];
    // An expression comes after its parts.
    for id in 1..exprs.len() {
        let expr = ExprRef::new(id as u32);
        steps[id] = match parts_of(exprs, expr) {
            [] => ONE,
            [first, ..] if exprs.get_tag(expr) == concat && !exprs.is_nullable(*first) => {
                steps[first.as_usize()]
            }
            parts => joined(parts.iter().map(|part| steps[part.as_usize()])),
        };
    }
    steps.iter().map(|step| step.work).max().unwrap_or(0)
}

fn joined(parts: impl Iterator<Item = Step>) -> Step {
    let all = parts.fold(
        Step {
            branches: 0,
            work: 0,
        },
        |sum, part| Step {
            branches: sum.branches.saturating_add(part.branches),
            work: sum.work.saturating_add(part.work),
        },
    );
    Step {
        work: all.work.saturating_add(all.branches),
        ..all
    }
}

/// None for what begins with a certain byte: the rest is not looked at before it has come.
fn parts_of(exprs: &ExprSet, expr: ExprRef) -> &[ExprRef] {
    let begins_with_byte = [0, 1]
        .iter()
        .any(|byte| exprs.get(expr).surely_no_match(*byte));
    if begins_with_byte {
        &[]
    } else {
        exprs.get_args(expr)
    }
}
