using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class AttestationDocumentIssuerTests : IDisposable
{
    readonly TestClock _clock = new();
    readonly AttestationAuthority _authority;
    readonly AttestationVerifier _verifier;

    public AttestationDocumentIssuerTests()
    {
        _authority = AttestationAuthority.CreateEphemeral(_clock);
        _verifier = new AttestationVerifier(new() { Roots = [_authority.Root], TimeProvider = _clock });
    }

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(AttestationDocumentForm.DefiniteLength)]
    [InlineData(AttestationDocumentForm.IndefiniteLength)]
    public void A_document_states_what_it_was_made_of_and_verifies(AttestationDocumentForm form)
    {
        using var issuer = _authority.CreateIssuer(form);
        var content = OwnDocuments.Content();
        var policy = AttestationPolicy.ForImage(OwnDocuments.Image)
            .WithNonce(OwnDocuments.Nonce)
            .WithUserData([7])
            .WithPublicKey([8, 9])
            .WithPcr(Pcr.ParentInstance, PcrValue.OfInstance(OwnDocuments.InstanceId))
            .WithMaximumAge(TimeSpan.FromMinutes(5));

        var attestation = _verifier.Verify(issuer.Sign(content), policy).GetAttestation();

        Assert.Equal(content.ModuleId, attestation.ModuleId);
        Assert.Equal(OwnDocuments.InstanceId, attestation.InstanceId);
        Assert.Equal(content.Timestamp, attestation.Timestamp);
        Assert.Equal(content.Pcrs, attestation.Pcrs);
        Assert.Equal(content.Nonce, attestation.Nonce?.ToArray());
        Assert.Equal(content.UserData, attestation.UserData?.ToArray());
        Assert.Equal(content.PublicKey, attestation.PublicKey?.ToArray());
        Assert.False(attestation.IsDebugMode);
        Assert.Equal(_authority.Root.Sha256, attestation.RootSha256);
        Assert.Same(policy, attestation.Policy);
    }

    [Fact]
    public void The_layout_is_that_of_the_hardware()
    {
        using var definite = _authority.CreateIssuer();
        using var indefinite = _authority.CreateIssuer(AttestationDocumentForm.IndefiniteLength);
        var content = OwnDocuments.Content();
        var document = definite.Sign(content);

        Assert.Equal("8444a1013822a059", Convert.ToHexStringLower(document.AsSpan(0, 8)));
        Assert.Equal("5860", Convert.ToHexStringLower(document.AsSpan(^98..^96)));
        var payload = UnverifiedAttestationDocument.Parse(document).Payload.ToArray();
        Assert.Equal("a9696d6f64756c655f69647827", Convert.ToHexStringLower(payload.AsSpan(0, 13)));
        string[] order = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"];
        var positions = order.Select(key => payload.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(key))).ToArray();
        Assert.Equal(positions.Order(), positions);
        Assert.True(payload.AsSpan().IndexOf((byte[])[.. "timestamp"u8, 0x1B]) > 0);
        Assert.True(payload.AsSpan().IndexOf((byte[])[.. "pcrs"u8, 0xB0, 0x00, 0x58, 0x30]) > 0);
        Assert.True(payload.AsSpan().IndexOf((byte[])[.. "cabundle"u8, 0x84, 0x59]) > 0);

        var other = UnverifiedAttestationDocument.Parse(indefinite.Sign(content)).Payload.ToArray();
        Assert.Equal(0xBF, other[0]);
        Assert.Equal(0xFF, other[^1]);
    }

    [Fact]
    public void What_the_requester_did_not_give_is_null_and_empty_stays_empty()
    {
        using var issuer = _authority.CreateIssuer();
        var bare = new AttestationDocumentContent { ModuleId = OwnDocuments.ModuleId, Timestamp = TestClock.Noon, Pcrs = OwnDocuments.Pcrs };
        var document = UnverifiedAttestationDocument.Parse(issuer.Sign(bare));
        Assert.Null(document.Nonce);
        Assert.Null(document.UserData);
        Assert.Null(document.PublicKey);
        Assert.True(document.Payload.Span.EndsWith((byte[])[0x65, .. "nonce"u8, 0xF6]));

        var empty = new AttestationDocumentContent
        {
            ModuleId = OwnDocuments.ModuleId,
            Timestamp = TestClock.Noon,
            Pcrs = OwnDocuments.Pcrs,
            Nonce = [],
            UserData = [],
        };
        document = UnverifiedAttestationDocument.Parse(issuer.Sign(empty));
        Assert.Equal(0, document.Nonce?.Length);
        Assert.Equal(0, document.UserData?.Length);
        Assert.Null(document.PublicKey);
    }

    [Fact]
    public void Anything_that_a_request_can_bring_is_issued_and_verifies() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(60).WithReplay(2026, 11),
            Prop.ForAll(Contents().ToArbitrary(), content =>
            {
                using var issuer = _authority.CreateIssuer();
                var attestation = _verifier.Verify(issuer.Sign(content), AttestationPolicy.SignatureAndChainOnly.AllowingDebugMode()).GetAttestation();
                return attestation.Pcrs.SequenceEqual(content.Pcrs)
                    && Same(content.Nonce, attestation.Nonce)
                    && Same(content.UserData, attestation.UserData)
                    && Same(content.PublicKey, attestation.PublicKey);
            }));

    [Fact]
    public void The_leaf_is_used_for_seventy_minutes_and_then_renewed()
    {
        using var issuer = _authority.CreateIssuer();
        var first = Leaf(issuer);
        _clock.Now += TimeSpan.FromMinutes(69);
        Assert.Equal(first, Leaf(issuer));
        _clock.Now += TimeSpan.FromMinutes(2);
        Assert.NotEqual(first, Leaf(issuer));
    }

    [Fact]
    public void Documents_verify_at_any_time_of_a_month()
    {
        using var issuer = _authority.CreateIssuer();
        for (var hours = 0; hours < 24 * 31; hours += 5)
        {
            _clock.Now = TestClock.Noon.AddHours(hours);
            var document = issuer.Sign(OwnDocuments.Content(_clock.Now));
            var result = _verifier.Verify(document, AttestationPolicy.ForImage(OwnDocuments.Image));
            Assert.True(result.IsVerified, $"after {hours} h: {result.Message}");

            // The chain outlives the leaf: what is issued can be verified as long as its leaf is valid.
            Assert.True(_verifier.VerifyAt(document, AttestationPolicy.ForImage(OwnDocuments.Image), result.Attestation.CertificateNotAfter).IsVerified);
        }
    }

    [Fact]
    public void A_clock_that_goes_back_gives_new_certificates()
    {
        using var issuer = _authority.CreateIssuer();
        issuer.Sign(OwnDocuments.Content());
        _clock.Now -= TimeSpan.FromSeconds(30);
        var result = _verifier.Verify(issuer.Sign(OwnDocuments.Content(_clock.Now)), AttestationPolicy.ForImage(OwnDocuments.Image));

        Assert.Equal(AttestationFailure.CertificateNotYetValid, result.Failure);
        Assert.Contains("root", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("i-234")]
    [InlineData("-enc0123")]
    [InlineData("i-234-enc")]
    [InlineData("i-234-encxyz")]
    [InlineData("i-234-enc00112233445566778")]
    public void A_module_id_without_the_two_ids_is_misuse(string moduleId)
    {
        using var issuer = _authority.CreateIssuer();

        Assert.Throws<ArgumentException>(() => issuer.Sign(new AttestationDocumentContent
        {
            ModuleId = moduleId,
            Timestamp = TestClock.Noon,
            Pcrs = OwnDocuments.Pcrs,
        }));
    }

    string Leaf(AttestationDocumentIssuer issuer) =>
        Convert.ToHexString(UnverifiedAttestationDocument.Parse(issuer.Sign(OwnDocuments.Content(_clock.Now))).Certificate.Span);

    static bool Same(byte[]? expected, ReadOnlyMemory<byte>? actual) => expected is null
        ? actual is null
        : actual is { } bytes && bytes.Span.SequenceEqual(expected);

    static Gen<AttestationDocumentContent> Contents()
    {
        var bytes = Gen.Choose(0, 255).Select(value => (byte)value);
        var field = Gen.Choose(1, 1024).SelectMany(length => bytes.ArrayOf(length));
        var optional = Gen.OneOf(Gen.Constant<byte[]?>(null), field.Select(value => (byte[]?)value));
        return
            from locked in Gen.Choose(0, 31).ArrayOf()
            from fill in bytes
            from nonce in optional
            from userData in optional
            from publicKey in optional
            select new AttestationDocumentContent
            {
                ModuleId = OwnDocuments.ModuleId,
                Timestamp = TestClock.Noon,
                Pcrs = OwnDocuments.Pcrs.SetItems(
                    locked.Where(index => index != Pcr.ParentInstance).Distinct().Select(index => KeyValuePair.Create(index, OwnDocuments.Value(fill)))),
                Nonce = nonce,
                UserData = userData,
                PublicKey = publicKey,
            };
    }
}
