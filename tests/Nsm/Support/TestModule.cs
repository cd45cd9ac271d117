namespace NitroEnclaves.Nsm.Tests;

/// <summary>A module in which nothing is left to chance.</summary>
static class TestModule
{
    public const string ModuleId = "i-00c89f181802cdef4-enc0175cd0dcee36866";

    public static DateTimeOffset Now { get; } = new(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero);

    public static NsmModule Create(
        IDocumentSigner? signer = null,
        IReadOnlyDictionary<int, PcrValue>? pcrs = null,
        NsmKeyOrder keyOrder = NsmKeyOrder.Hardware,
        Action<Exception>? signingFailed = null) => new(new NsmModuleOptions
        {
            ModuleId = ModuleId,
            Signer = signer ?? new RecordingSigner(),
            Pcrs = pcrs ?? new Dictionary<int, PcrValue>(),
            TimeProvider = new FixedTime(Now),
            Random = new CountingRandom(),
            KeyOrder = keyOrder,
            SigningFailed = signingFailed,
        });

    /// <summary>Sends a request given in hexadecimal, and gives the response so.</summary>
    public static string Exchange(this NsmModule module, string requestHex) =>
        Convert.ToHexStringLower(module.Exchange(Convert.FromHexString(requestHex)));

    public static byte[] Exchange(this NsmModule module, ReadOnlySpan<byte> request)
    {
        var response = new byte[NsmLimits.MaxResponseLength];
        return response[..module.Exchange(request, response)];
    }
}
