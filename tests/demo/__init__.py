"""The demo: four services publish the flights that left New York, and Foz brings them into the lake."""
