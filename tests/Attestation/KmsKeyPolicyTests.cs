using System.Text.Json;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation.Tests;

public sealed class KmsKeyPolicyTests
{
    const string Role = "arn:aws:iam::123456789012:role/enclaves";
    const string Account = "arn:aws-cn:iam::123456789012:root";

    [Fact]
    public void An_image_becomes_conditions_on_its_three_registers()
    {
        var policy = AttestationPolicy.ForImage(OwnDocuments.Image).WithPcr(Pcr.ParentRole, PcrValue.OfRole(Role)).WithPcr(Pcr.SigningCertificate, OwnDocuments.Value(8));
        var statements = Statements(KmsKeyPolicy.Create(policy, Role));

        Assert.Equal(2, statements.Length);
        var allow = statements[0];
        Assert.Equal("Allow", allow.GetProperty("Effect").GetString());
        Assert.Equal(Role, allow.GetProperty("Principal").GetProperty("AWS").GetString());
        Assert.Equal(
            ["kms:Decrypt", "kms:DeriveSharedSecret", "kms:GenerateDataKey", "kms:GenerateDataKeyPair"],
            allow.GetProperty("Action").EnumerateArray().Select(action => action.GetString()));
        Assert.Equal(
            new Dictionary<string, string?>
            {
                ["kms:RecipientAttestation:ImageSha384"] = OwnDocuments.Image.Pcr0.ToString(),
                ["kms:RecipientAttestation:PCR1"] = OwnDocuments.Image.Pcr1.ToString(),
                ["kms:RecipientAttestation:PCR2"] = OwnDocuments.Image.Pcr2.ToString(),
                ["kms:RecipientAttestation:PCR3"] = PcrValue.OfRole(Role).ToString(),
                ["kms:RecipientAttestation:PCR8"] = OwnDocuments.Value(8).ToString(),
            },
            allow.GetProperty("Condition").GetProperty("StringEqualsIgnoreCase").EnumerateObject().ToDictionary(key => key.Name, key => key.Value.GetString()));
    }

    [Fact]
    public void Requests_without_a_document_are_denied_to_everybody()
    {
        var deny = Statements(KmsKeyPolicy.Create(AttestationPolicy.ForImage(OwnDocuments.Image), Role))[^1];

        Assert.Equal("Deny", deny.GetProperty("Effect").GetString());
        Assert.Equal("*", deny.GetProperty("Principal").GetProperty("AWS").GetString());
        Assert.Equal("true", deny.GetProperty("Condition").GetProperty("Null").GetProperty("kms:RecipientAttestation:ImageSha384").GetString());
    }

    [Fact]
    public void Several_images_are_several_statements()
    {
        var other = new ImageMeasurements(OwnDocuments.Value(1), OwnDocuments.Value(2), OwnDocuments.Value(3));
        var statements = Statements(KmsKeyPolicy.Create(AttestationPolicy.ForImage(OwnDocuments.Image, other), Role, Account));

        Assert.Equal(
            ["Administration", "AttestedImage1", "AttestedImage2", "NothingWithoutAttestation"],
            statements.Select(statement => statement.GetProperty("Sid").GetString()));
        Assert.Equal(Account, statements[0].GetProperty("Principal").GetProperty("AWS").GetString());
        Assert.False(statements[0].TryGetProperty("Condition", out _));
        Assert.Equal(
            [OwnDocuments.Image.Pcr0.ToString(), other.Pcr0.ToString()],
            statements[1..3].Select(statement => statement
                .GetProperty("Condition").GetProperty("StringEqualsIgnoreCase").GetProperty("kms:RecipientAttestation:ImageSha384").GetString()));
    }

    [Fact]
    public void Single_registers_become_one_statement()
    {
        var policy = AttestationPolicy.ForPcrs(KeyValuePair.Create(0, OwnDocuments.Value(1)), KeyValuePair.Create(8, OwnDocuments.Value(2)));
        var conditions = Statements(KmsKeyPolicy.Create(policy, Role))[0].GetProperty("Condition").GetProperty("StringEqualsIgnoreCase");

        Assert.Equal(
            ["kms:RecipientAttestation:ImageSha384", "kms:RecipientAttestation:PCR8"],
            conditions.EnumerateObject().Select(key => key.Name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("enclaves")]
    [InlineData("arn:aws:s3:::bucket")]
    [InlineData("arn:aws:iam::1234:role/enclaves")]
    [InlineData("arn:aws:iam::12345678901x:role/enclaves")]
    [InlineData("arn:aws:iam::123456789012:")]
    public void What_is_no_principal_is_misuse(string arn)
    {
        var policy = AttestationPolicy.ForImage(OwnDocuments.Image);

        Assert.Throws<ArgumentException>(() => KmsKeyPolicy.Create(policy, arn));
        Assert.Throws<ArgumentException>(() => KmsKeyPolicy.Create(policy, Role, arn));
    }

    [Fact]
    public void A_key_for_any_enclave_is_misuse() =>
        Assert.Throws<ArgumentException>(() => KmsKeyPolicy.Create(AttestationPolicy.SignatureAndChainOnly, Role));

    static JsonElement[] Statements(string json)
    {
        var policy = JsonDocument.Parse(json).RootElement;
        Assert.Equal("2012-10-17", policy.GetProperty("Version").GetString());
        return [.. policy.GetProperty("Statement").EnumerateArray()];
    }
}
