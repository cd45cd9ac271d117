using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;

namespace NitroEnclaves.Nsm.Benchmarks;

/// <summary>
/// Whole requests: encoded by the client, decoded, carried out and answered by the software NSM, decoded again. The baseline is
/// the one piece of work that nobody can avoid: the SHA-384 of a register followed by 48 bytes.
/// </summary>
[MemoryDiagnoser]
public class RoundTripBenchmarks : IDisposable
{
    readonly byte[] _data = new byte[48];
    readonly byte[] _input = new byte[96];
    readonly byte[] _digest = new byte[48];
    readonly byte[] _random = new byte[NsmLimits.RandomLength];
    readonly byte[] _document = new byte[NsmLimits.MaxResponseLength];
    readonly NsmClient _client = new(new NsmModule(new NsmModuleOptions { ModuleId = "i-0123456789abcdef0-enc0123456789abcdef", Signer = new NoSigner() }));

    [GlobalCleanup]
    public void Dispose() => _client.Dispose();

    [Benchmark(Baseline = true, Description = "SHA-384 of 96 bytes")]
    public int RawSha384() => SHA384.HashData(_input, _digest);

    [Benchmark]
    public PcrValue ExtendPcr() => _client.ExtendPcr(16, _data);

    [Benchmark]
    public PcrDescription DescribePcr() => _client.DescribePcr(4);

    [Benchmark(Description = "256 bytes of the kernel's randomness")]
    public void RawRandom() => RandomNumberGenerator.Fill(_random);

    [Benchmark]
    public void GetRandom() => _client.GetRandom(_random);

    [Benchmark]
    public NsmDescription DescribeNsm() => _client.DescribeNsm();

    [Benchmark(Description = "Attestation without its signature")]
    public int Attestation()
    {
        _client.TryGetAttestationDocument(new AttestationRequest { Nonce = _data }, _document, out var length);
        return length;
    }

    [Benchmark(Description = "ExtendPcr on the client's thread")]
    public Task<PcrValue> ExtendPcrAsync() => _client.ExtendPcrAsync(17, _data);

    /// <summary>Gives a document of the usual size.</summary>
    sealed class NoSigner : IDocumentSigner
    {
        readonly byte[] _document = new byte[4500];

        public byte[] Sign(AttestationDocumentContent content) => _document;
    }
}
