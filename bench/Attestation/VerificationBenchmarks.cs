using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;

namespace NitroEnclaves.Attestation.Benchmarks;

/// <summary>
/// Verifying documents, against the one piece of work that nobody can avoid: a P-384 verification by OpenSSL. A document of an enclave
/// that is not known takes five of them, of a known one a single one.
/// </summary>
[MemoryDiagnoser]
public class VerificationBenchmarks : IDisposable
{
    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    readonly byte[] _hash = RandomNumberGenerator.GetBytes(48); // not zero, of which verification is cheaper
    readonly DocumentFixture _fixture = new();
    readonly AttestationVerifier _warm;
    readonly AttestationVerifier _cold;
    readonly byte[] _signature;

    public VerificationBenchmarks()
    {
        _signature = _key.SignHash(_hash);
        _warm = _fixture.Verifier(cacheCapacity: 1024);
        _cold = _fixture.Verifier(cacheCapacity: 0);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _key.Dispose();
        _fixture.Dispose();
    }

    [Benchmark(Baseline = true, Description = "One P-384 verification")]
    public bool VerifyHash() => _key.VerifyHash(_hash, _signature);

    [Benchmark(Description = "A known enclave: one verification")]
    public bool Known() => _warm.Verify(_fixture.Document, DocumentFixture.Policy).IsVerified;

    [Benchmark(Description = "An unknown enclave: five verifications")]
    public bool Unknown() => _cold.Verify(_fixture.Document, DocumentFixture.Policy).IsVerified;

    [Benchmark(Description = "Parsing alone")]
    public UnverifiedAttestationDocument Parse() => UnverifiedAttestationDocument.Parse(_fixture.Document);
}
