using NitroEnclaves.Images;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>Enclave images, read strictly and measured. An image that is accepted has to measure the same a second time.</summary>
sealed class EifFuzzTarget : IFuzzTarget
{
    public string Name => "eif";

    public IEnumerable<byte[]> Seeds { get; } = Corpus.Files("eif", ".eif");

    public void Run(ReadOnlySpan<byte> input)
    {
        try
        {
            var bytes = input.ToArray();
            using var image = EifFile.Parse(bytes);
            var measurements = image.Measure();
            using var again = EifFile.Parse(bytes);
            if (again.Measure() != measurements)
            {
                throw new InvalidOperationException("The same image measured differently.");
            }
        }
        catch (EifException)
        {
            // The reader's one answer to a malformed image.
        }
    }
}
