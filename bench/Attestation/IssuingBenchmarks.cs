using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Benchmarks;

/// <summary>Issuing documents, against a P-384 signature by OpenSSL.</summary>
[MemoryDiagnoser]
public class IssuingBenchmarks : IDisposable
{
    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    readonly byte[] _hash = RandomNumberGenerator.GetBytes(48);
    readonly DocumentFixture _fixture = new();
    readonly AttestationDocumentContent _content = DocumentFixture.Content();

    [GlobalCleanup]
    public void Dispose()
    {
        _key.Dispose();
        _fixture.Dispose();
    }

    [Benchmark(Baseline = true, Description = "One P-384 signature")]
    public byte[] SignHash() => _key.SignHash(_hash);

    [Benchmark(Description = "A document")]
    public byte[] Sign() => _fixture.Issuer.Sign(_content);
}
