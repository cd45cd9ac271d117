using NitroEnclaves.Fuzz;

FuzzOptions options;
try
{
    options = FuzzOptions.Parse(args);
}
catch (Exception exception) when (exception is FormatException or OverflowException or IOException)
{
    Console.Error.WriteLine(exception.Message);
    Console.Error.WriteLine(FuzzOptions.Usage);
    return 2;
}

IFuzzTarget[] targets = [.. FuzzTargets.All.Where(target => options.Target == "all" || options.Target == target.Name)];
if (targets.Length == 0)
{
    Console.Error.WriteLine($"There is no target {options.Target}; there are: {string.Join(", ", FuzzTargets.All.Select(target => target.Name))}.");
    return 2;
}

var found = false;
foreach (var target in targets)
{
    found |= !new FuzzRun(target, options, Console.Out).Execute();
}

return found ? 1 : 0;
