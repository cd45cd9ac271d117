using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace NitroEnclaves.Attestation.Benchmarks;

/// <summary>
/// The goals of the library, measured against OpenSSL in the same moments: every round times each operation in turn, so that whatever
/// else the machine does slows all of them alike; what is printed are medians of the rounds' ratios.
/// </summary>
sealed class Goals : IDisposable
{
    const int Rounds = 60;
    const int Repetitions = 8;

    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    readonly byte[] _hash = RandomNumberGenerator.GetBytes(48);
    readonly byte[] _signature;
    readonly DocumentFixture _fixture = new();
    readonly AttestationVerifier _warm;
    readonly AttestationVerifier _cold;
    readonly DerCertificate _leaf;

    public Goals()
    {
        _signature = _key.SignHash(_hash);
        _warm = _fixture.Verifier(cacheCapacity: 1024);
        _cold = _fixture.Verifier(cacheCapacity: 0);
        _leaf = ChainLink.Parse(UnverifiedAttestationDocument.Parse(_fixture.Document).Certificate, AttestationFailure.LeafCertificate);
    }

    /// <summary>Measures, prints a line for each goal, and gives how many were missed.</summary>
    public int Run()
    {
        var content = DocumentFixture.Content();
        Action[] operations =
        [
            () => _key.VerifyHash(_hash, _signature),
            () => _key.SignHash(_hash),
            () => _cold.Verify(_fixture.Document, DocumentFixture.Policy).GetAttestation(),
            () => _warm.Verify(_fixture.Document, DocumentFixture.Policy).GetAttestation(),
            () => _fixture.Issuer.Sign(content),
            () => P384PublicKey.Load(_leaf).Dispose(),
        ];
        var times = new double[Rounds][];
        for (var round = -5; round < Rounds; round++)
        {
            var measured = operations.Select(Time).ToArray();
            if (round >= 0)
            {
                times[round] = measured;
            }
        }

        // Five signatures vouch for a document of an unknown enclave: its own, and those of its leaf and three authorities. The root's is pinned.
        const int verifications = 5;
        Console.WriteLine($"OpenSSL's P-384 verification takes {Median(times, time => time[0]):F0} us here, its signature {Median(times, time => time[1]):F0} us.");
        bool[] met =
        [
            Report("an unknown enclave's document / 5 verifications", Median(times, time => time[2] / (verifications * time[0])), "at most", 1.2),
            Report("a known enclave's document / 1 verification", Median(times, time => time[3] / time[0]), "at most", 1.3),
            Report("documents issued / signatures, per second", Median(times, time => time[1] / time[4]), "at least", 0.9),
            Report("importing a certificate's key / 1 verification", Median(times, time => time[5] / time[0]), "at most", 1.0),
        ];
        return met.Count(one => !one);
    }

    public void Dispose()
    {
        _key.Dispose();
        _fixture.Dispose();
    }

    static double Time(Action operation)
    {
        var start = Stopwatch.GetTimestamp();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            operation();
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / Repetitions;
    }

    static double Median(double[][] times, Func<double[], double> of) => times.Select(of).Order().ElementAt(Rounds / 2);

    static bool Report(string what, double ratio, string bound, double goal)
    {
        var isMet = bound == "at most" ? ratio <= goal : ratio >= goal;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-50} {ratio:F2}, goal {bound} {goal:F1}: {(isMet ? "met" : "MISSED")}"));
        return isMet;
    }
}
