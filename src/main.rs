//! The `breakmywork` command, see [`breakmywork::commands`]. What is not generic in the library is compiled there once, side by
//! side; a future that is awaited here would be compiled here, alone, while the other core waits.

use std::process::ExitCode;

fn main() -> ExitCode {
    breakmywork::commands::main()
}
