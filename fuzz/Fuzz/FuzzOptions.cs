using System.Globalization;

namespace NitroEnclaves.Fuzz;

/// <summary>What the command line says.</summary>
sealed class FuzzOptions
{
    public const string Usage =
        """
        Usage: NitroEnclaves.Fuzz [--target NAME|all] [--seconds N] [--runs N] [--seed S] [--input FILE]... [--findings FOLDER]
          --target     which parser; without it, all one after the other
          --seconds    how long, for each target (10)
          --runs       how many inputs at most, for each target
          --seed       the same seed and number of runs give the same inputs (1)
          --input      run this file instead, such as a finding kept earlier
          --findings   where inputs with findings are kept (artifacts/fuzz)
        Exit code 0: nothing found; 1: a finding; 2: misuse.
        """;

    public string Target { get; private set; } = "all";

    public TimeSpan Duration { get; private set; } = TimeSpan.FromSeconds(10);

    public long Runs { get; private set; } = long.MaxValue;

    public int Seed { get; private set; } = 1;

    public List<byte[]> Inputs { get; } = [];

    public string FindingsFolder { get; private set; } = Path.Combine("artifacts", "fuzz");

    /// <summary>The longest input, in bytes.</summary>
    public int MaximumLength { get; } = 64 * 1024;

    /// <summary>The longest that one input may take. Generous, for machines with other work.</summary>
    public TimeSpan TimeLimit { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The most that one input may allocate, in bytes: far above what any input of that length is worth.</summary>
    public long MemoryLimit { get; } = 16 * 1024 * 1024;

    /// <summary>Reads the command line; throws <see cref="FormatException"/> where it is misuse.</summary>
    public static FuzzOptions Parse(string[] arguments)
    {
        var options = new FuzzOptions();
        for (var index = 0; index < arguments.Length; index += 2)
        {
            var value = index + 1 < arguments.Length ? arguments[index + 1] : throw new FormatException($"{arguments[index]} lacks its value.");
            switch (arguments[index])
            {
                case "--target":
                    options.Target = value;
                    break;
                case "--seconds":
                    options.Duration = TimeSpan.FromSeconds(double.Parse(value, CultureInfo.InvariantCulture));
                    break;
                case "--runs":
                    options.Runs = long.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "--seed":
                    options.Seed = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "--input":
                    options.Inputs.Add(File.ReadAllBytes(value));
                    break;
                case "--findings":
                    options.FindingsFolder = value;
                    break;
                default:
                    throw new FormatException($"{arguments[index]} is no option.");
            }
        }

        return options;
    }
}
