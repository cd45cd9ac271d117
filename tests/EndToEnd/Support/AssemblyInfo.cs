using NitroEnclaves.EndToEnd.Tests;

// A guest takes a core: more than two at a time make each other slow without an end.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
[assembly: AssemblyFixture(typeof(SampleImage))]
