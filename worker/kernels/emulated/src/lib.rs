//! Runs the CUDA kernels' source on a processor: the same text, compiled as C++, with the threads of a block as
//! coroutines that change at barriers, and where blocks wait for one another all blocks side by side.
//!
//! This shows whether a kernel computes the right numbers, whether its launch has the right arguments, and, by running
//! threads in two orders, whether it rests on an order that a card does not promise. It does not show how fast it is.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};

/// In which order blocks and threads take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the first to the last.
    Forwards,
    /// From the last to the first.
    Backwards,
}

#[allow(unsafe_code, reason = "C++ is called here")]
unsafe extern "C" {
    fn run_kernel(
        name: *const c_char,
        grid: c_uint,
        block: c_uint,
        shared: c_uint,
        together: bool,
        letters: *const c_char,
        arguments: *const *const c_void,
        backwards: bool,
    ) -> c_int;
}

/// On what a kernel runs.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Blocks.
    pub blocks: u32,
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of a block's own memory.
    pub shared: u32,
    /// Whether blocks may wait for one another.
    pub together: bool,
}

/// Runs a kernel as CUDA's launch does: `arguments` point at the arguments, of which `letters` gives the types (p
/// pointer, u unsigned, w unsigned long long, f float, m mask, s step).
///
/// # Errors
/// If there is no such kernel, if it takes other arguments, if only some threads come to a barrier, if blocks wait for
/// one another that may not, or if one writes beside its own memory.
///
/// # Safety
/// Each pointer must point at an argument of its type, and those that are pointers at memory that the kernel may use.
#[allow(unsafe_code, reason = "C++ is called here")]
pub unsafe fn run(
    name: &str,
    grid: Grid,
    letters: &str,
    arguments: &[*const c_void],
    order: Order,
) -> Result<(), String> {
    let text = |text: &str| CString::new(text).map_err(|error| error.to_string());
    let (kernel, types) = (text(name)?, text(letters)?);
    // SAFETY: the strings end with 0; the arguments are as the caller promises, and their types are compared first.
    let answer = unsafe {
        run_kernel(
            kernel.as_ptr(),
            grid.blocks,
            grid.threads,
            grid.shared,
            grid.together,
            types.as_ptr(),
            arguments.as_ptr(),
            order == Order::Backwards,
        )
    };
    match answer {
        0 => Ok(()),
        1 => Err(format!("there is no kernel {name}")),
        2 => Err(format!("{name} does not take {letters}")),
        3 => Err(format!("only some threads of {name} came to a barrier")),
        _ => Err(format!("a block of {name} wrote beside its own memory")),
    }
}
