// Each test boots a machine of its own, and each machine wants a core.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
