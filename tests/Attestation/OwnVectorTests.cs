using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class OwnVectorTests
{
    [Fact]
    public void They_read_and_verify_as_written()
    {
        if (Environment.GetEnvironmentVariable("NITRO_UPDATE_VECTORS") == "1")
        {
            Write();
        }

        var verifier = new AttestationVerifier(new() { Roots = [OwnVectors.Root] });
        Assert.NotEmpty(OwnVectors.All);
        foreach (var (name, document, expected) in OwnVectors.All)
        {
            var moment = DateTimeOffset.FromUnixTimeMilliseconds(expected.GetProperty("timestamp").GetInt64());
            var result = verifier.VerifyAt(document, AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode(), moment);
            Assert.True(result.IsVerified, $"{name}: {result.Message}");
            var read = UnverifiedAttestationDocument.Parse(document);

            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected.GetRawText()), Describe(name, read)), name);
            Assert.Equal(
                expected.GetProperty("debug_mode").GetBoolean() ? AttestationFailure.DebugMode : null,
                verifier.VerifyAt(document, AttestationPolicy.SignatureAndChainOnly, moment).Failure);
            Assert.Equal(
                AttestationFailure.CertificateExpired,
                verifier.VerifyAt(document, AttestationPolicy.SignatureAndChainOnly, moment.AddHours(4)).Failure);
        }
    }

    /// <summary>Makes the vectors anew, under a new root: only when a form is added.</summary>
    static void Write()
    {
        using var authority = AttestationAuthority.CreateEphemeral(new TestClock());
        using var definite = authority.CreateIssuer();
        using var indefinite = authority.CreateIssuer(AttestationDocumentForm.IndefiniteLength);
        var debug = OwnDocuments.Pcrs.SetItems(new[] { 0, 1, 2 }.Select(index => KeyValuePair.Create(index, PcrValue.Zero)));
        var locked = OwnDocuments.Pcrs.SetItems(Enumerable.Range(16, 16).Select(index => KeyValuePair.Create(index, OwnDocuments.Value((byte)index))));
        var large = new byte[1024];
        Array.Fill(large, (byte)0x5A);
        (string Name, byte[] Document)[] documents =
        [
            ("definite.bin", definite.Sign(OwnDocuments.Content())),
            ("indefinite.bin", indefinite.Sign(OwnDocuments.Content())),
            ("tagged.bin", [0xD2, .. definite.Sign(OwnDocuments.Content())]),
            ("bare.bin", definite.Sign(Content(OwnDocuments.Pcrs, null))),
            ("empty.bin", indefinite.Sign(Content(OwnDocuments.Pcrs, []))),
            ("debug.bin", indefinite.Sign(Content(debug, OwnDocuments.Nonce))),
            ("locked.bin", definite.Sign(Content(locked, OwnDocuments.Nonce))),
            ("large.bin", definite.Sign(Content(locked, large, large))),
        ];

        Directory.CreateDirectory(TestVectorsFolder);
        File.WriteAllText(Path.Combine(TestVectorsFolder, "root.pem"), authority.ExportRootCertificatePem());
        var list = new JsonArray();
        foreach (var (name, document) in documents)
        {
            File.WriteAllBytes(Path.Combine(TestVectorsFolder, name), document);
            list.Add(Describe(name, UnverifiedAttestationDocument.Parse(document)));
        }

        File.WriteAllText(Path.Combine(TestVectorsFolder, "documents.json"), list.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    static string TestVectorsFolder => NitroEnclaves.Tests.TestVectors.Own("attestation");

    static AttestationDocumentContent Content(ImmutableSortedDictionary<int, PcrValue> pcrs, byte[]? nonce, byte[]? publicKey = null) => new()
    {
        ModuleId = OwnDocuments.ModuleId,
        Timestamp = TestClock.Noon,
        Pcrs = pcrs,
        Nonce = nonce,
        UserData = nonce,
        PublicKey = publicKey,
    };

    static JsonObject Describe(string name, UnverifiedAttestationDocument document) => new()
    {
        ["file"] = name,
        ["tagged"] = document.IsTagged,
        ["indefinite"] = document.HasIndefiniteLength,
        ["module_id"] = document.ModuleId,
        ["timestamp"] = document.Timestamp.ToUnixTimeMilliseconds(),
        ["debug_mode"] = document.IsDebugMode,
        ["pcrs"] = new JsonObject(document.Pcrs.Select(pcr => KeyValuePair.Create(pcr.Key.ToString(provider: null), (JsonNode?)pcr.Value.ToString()))),
        ["public_key"] = Hex(document.PublicKey),
        ["user_data"] = Hex(document.UserData),
        ["nonce"] = Hex(document.Nonce),
    };

    static JsonNode? Hex(ReadOnlyMemory<byte>? bytes) => bytes is { } value ? Convert.ToHexStringLower(value.Span) : null;
}
