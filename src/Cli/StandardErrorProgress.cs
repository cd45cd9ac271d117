namespace NitroEnclaves.Cli;

/// <summary>Prints each line at once, in order; <see cref="Progress{T}"/> would print on other threads, some of them after the result.</summary>
sealed class StandardErrorProgress : IProgress<string>
{
    public void Report(string value) => Console.Error.WriteLine(value);
}
