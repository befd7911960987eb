//! Real servers and emulators for tests: each started on a free port, and gone with its value.
