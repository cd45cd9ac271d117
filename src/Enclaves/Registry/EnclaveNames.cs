namespace NitroEnclaves.Enclaves;

/// <summary>Unique names: a taken one gets <c>_1</c>, <c>_2</c>, ... as nitro-cli does (eif-and-nitro-cli 3.1).</summary>
static class EnclaveNames
{
    public static string Unique(string requested, IReadOnlySet<string> taken)
    {
        var name = requested;
        for (var count = 1; taken.Contains(name); count++)
        {
            name = $"{requested}_{count}";
        }

        return name;
    }
}
