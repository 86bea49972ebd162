//! Exports llguidance's C ABI; the functions are declared in the crate's own `llguidance.h`.
pub use llguidance::*;
