//! Web application of Break My Work.
