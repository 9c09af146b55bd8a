"""Lakes that earlier versions left, each in a folder, and the test that this version takes them over. See README.md."""
