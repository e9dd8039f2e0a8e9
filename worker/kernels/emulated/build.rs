//! Compiles the CUDA kernels as C++, with a header that stands in for CUDA's keywords.

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=..");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        // The kernels are small; tests run them many times.
        .opt_level(2)
        .flag("-Wall")
        .warnings_into_errors(true)
        .file("src/run.cpp")
        .compile("emulated");
}
