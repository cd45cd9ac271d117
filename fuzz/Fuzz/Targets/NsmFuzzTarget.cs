using NitroEnclaves.Cbor;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Requests to the software NSM. Whatever comes, the module answers, within the driver's buffer, with one well-formed item that the
/// client's decoder accepts.
/// </summary>
sealed class NsmFuzzTarget : IFuzzTarget
{
    const int ResponseLength = 0x3000;

    static readonly string[] s_requests =
    [
        "6b44657363726962654e534d",
        "6947657452616e646f6d",
        "a16b4465736372696265504352a165696e64657810",
        "a169457874656e64504352a265696e646578106464617461420102",
        "a1674c6f636b504352a165696e64657810",
        "a1684c6f636b50435273a16572616e67651820",
        "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e63654201026a7075626c69635f6b6579f6",
    ];

    readonly NsmModule _module = new(new NsmModuleOptions { ModuleId = "i-0123456789abcdef0-enc0123456789abcdef", Signer = new NoDocuments() });
    readonly byte[] _response = new byte[ResponseLength];

    public string Name => "nsm";

    public IEnumerable<byte[]> Seeds { get; } = [.. s_requests.Select(Convert.FromHexString)];

    public void Run(ReadOnlySpan<byte> input)
    {
        var length = _module.Exchange(input, _response);
        var reader = new CborReader(_response.AsSpan(0, length));
        reader.SkipValue();
        reader.ReadEndOfData();
    }

    /// <summary>A signer whose documents are of no interest here.</summary>
    sealed class NoDocuments : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => [0x80];
    }
}
