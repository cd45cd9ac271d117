using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>What a key policy allows, denies, and may not say.</summary>
public sealed class KeyPolicyTests
{
    const string Pcr0 = "kms:RecipientAttestation:ImageSha384";

    static readonly Dictionary<string, string> s_values = new(StringComparer.OrdinalIgnoreCase)
    {
        [Pcr0] = "ab01",
        ["kms:RecipientAttestation:PCR3"] = "cd",
        ["kms:EncryptionContext:purpose"] = "test",
    };

    [Theory]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:ImageSha384":"ab01"}}""", true)]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:ImageSha384":"AB01"}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:ImageSha384":"AB01"}}""", true)]
    [InlineData("""{"stringequalsignorecase":{"KMS:recipientattestation:imagesha384":"AB01"}}""", true)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:ImageSha384":["00","ab01"]}}""", true)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:ImageSha384":["00","11"]}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:ImageSha384":"ab01","kms:RecipientAttestation:PCR3":"cd"}}""", true)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:ImageSha384":"ab01","kms:RecipientAttestation:PCR3":"00"}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:PCR8":"ab01"}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCaseIfExists":{"kms:RecipientAttestation:PCR8":"ab01"}}""", true)]
    [InlineData("""{"StringEqualsIfExists":{"kms:RecipientAttestation:PCR3":"00"}}""", false)]
    [InlineData("""{"StringNotEquals":{"kms:RecipientAttestation:PCR3":"cd"}}""", false)]
    [InlineData("""{"StringNotEquals":{"kms:RecipientAttestation:PCR3":["00","cd"]}}""", false)]
    [InlineData("""{"StringNotEquals":{"kms:RecipientAttestation:PCR8":"cd"}}""", true)]
    [InlineData("""{"StringNotEqualsIgnoreCase":{"kms:RecipientAttestation:PCR3":"CD"}}""", false)]
    [InlineData("""{"StringLike":{"kms:RecipientAttestation:ImageSha384":"ab*"}}""", true)]
    [InlineData("""{"StringLike":{"kms:RecipientAttestation:ImageSha384":"ab?"}}""", false)]
    [InlineData("""{"StringNotLike":{"kms:RecipientAttestation:ImageSha384":"ab*"}}""", false)]
    [InlineData("""{"StringEquals":{"kms:EncryptionContext:purpose":"test"}}""", true)]
    [InlineData("""{"StringEquals":{"kms:EncryptionContext:version":"1"}}""", false)]
    [InlineData("""{"Null":{"kms:RecipientAttestation:ImageSha384":"false"}}""", true)]
    [InlineData("""{"Null":{"kms:RecipientAttestation:ImageSha384":"true"}}""", false)]
    [InlineData("""{"Null":{"kms:RecipientAttestation:PCR8":"true"}}""", true)]
    public void A_condition_is_met_as_IAM_says(string condition, bool met)
    {
        var allow = KeyPolicyReader.Read(Policy(Statement("Allow", condition)));
        Assert.Equal(met, allow.Decide(Request()).IsAllowed);

        // The same condition on a statement that denies: it denies where it is met.
        var deny = KeyPolicyReader.Read(Policy(Statement("Allow", null) + "," + Statement("Deny", condition)));
        Assert.Equal((!met, met), (deny.Decide(Request()).IsAllowed, deny.Decide(Request()).IsExplicitDeny));
    }

    [Theory]
    [InlineData("\"*\"", "\"kms:*\"", true)]
    [InlineData("\"*\"", "\"*\"", true)]
    [InlineData("\"*\"", "\"KMS:decrypt\"", true)]
    [InlineData("\"*\"", "[\"kms:Encrypt\",\"kms:De*\"]", true)]
    [InlineData("\"*\"", "\"kms:Encrypt\"", false)]
    [InlineData("\"*\"", "\"kms:Decrypt2\"", false)]
    [InlineData("{\"AWS\":\"*\"}", "\"kms:*\"", true)]
    [InlineData("{\"AWS\":[\"arn:aws:iam::1:role/other\",\"arn:aws:iam::123456789012:role/enclave\"]}", "\"kms:*\"", true)]
    [InlineData("{\"AWS\":\"arn:aws:iam::123456789012:role/ENCLAVE\"}", "\"kms:*\"", false)]
    [InlineData("{\"AWS\":\"arn:aws:iam::123456789012:root\"}", "\"kms:*\"", false)]
    [InlineData("{\"AWS\":\"123456789012\"}", "\"kms:*\"", false)]
    public void A_statement_is_about_its_principals_and_actions(string principal, string action, bool allowed)
    {
        var policy = KeyPolicyReader.Read(Policy($$"""{"Effect":"Allow","Principal":{{principal}},"Action":{{action}},"Resource":"*"}"""));
        Assert.Equal(allowed, policy.Decide(Request()).IsAllowed);
    }

    [Fact]
    public void An_account_is_its_root()
    {
        var policy = KeyPolicyReader.Read(Policy("""{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"kms:*","Resource":"*"}"""));
        Assert.True(policy.Decide(Request() with { Caller = "arn:aws:iam::123456789012:root" }).IsAllowed);
    }

    [Theory]
    [InlineData("Allow", """{"StringEqualsIgnoreCase":{"kms:RecipientAttestation:PCR0":["ab","0000"]}}""", 1)]
    [InlineData("Allow", """{"StringEquals":{"kms:RecipientAttestation:ImageSha384":"00","kms:RecipientAttestation:PCR8":"00"}}""", 2)]
    [InlineData("Allow", """{"StringEquals":{"kms:RecipientAttestation:PCR0":"ab"}}""", 0)]
    [InlineData("Allow", """{"StringNotEquals":{"kms:RecipientAttestation:PCR0":"00"}}""", 0)]
    [InlineData("Allow", """{"StringEquals":{"kms:EncryptionContext:version":"0"}}""", 0)]
    [InlineData("Deny", """{"StringEquals":{"kms:RecipientAttestation:PCR0":"00"}}""", 0)]
    public void Registers_expected_to_be_zero_are_warned_of(string effect, string condition, int warnings) =>
        Assert.Equal(warnings, KeyPolicyReader.Read(Policy(Statement(effect, condition))).Warnings().Count());

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Statement":[]}""")]
    [InlineData("""{"Statement":[1]}""")]
    [InlineData("""{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}""")]
    [InlineData("""{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}],"Statement":[]}""")]
    [InlineData("""{"Statement":{"Effect":"Permit","Principal":"*","Action":"kms:*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","NotPrincipal":"*","Action":"kms:*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":{"Service":"x"},"Action":"kms:*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"everybody","Action":"kms:*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"*","NotAction":"kms:*","Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"*","Action":[],"Resource":"*"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"arn:aws:kms:local-1:000000000000:key/1"}}""")]
    [InlineData("""{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*"}}""")]
    public void A_policy_that_cannot_be_judged_is_refused(string policy) =>
        Assert.Equal("MalformedPolicyDocumentException", Assert.Throws<KmsErrorException>(() => KeyPolicyReader.Read(policy)).Type);

    [Theory]
    [InlineData("""{"StringMatches":{"kms:RecipientAttestation:PCR0":"ab"}}""")]
    [InlineData("""{"ForAnyValue:StringEquals":{"kms:RecipientAttestation:PCR0":"ab"}}""")]
    [InlineData("""{"NullIfExists":{"kms:RecipientAttestation:PCR0":"true"}}""")]
    [InlineData("""{"0":{"kms:RecipientAttestation:PCR0":"ab"}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:PCR32":"ab"}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:PCR01":"ab"}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:PCR0\n":"ab"}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:NitroTPMPCR4":"ab"}}""")]
    [InlineData("""{"StringEquals":{"aws:SourceIp":"ab"}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:PCR0":[]}}""")]
    [InlineData("""{"StringEquals":{"kms:RecipientAttestation:PCR0":1}}""")]
    [InlineData("""{"StringEquals":"kms:RecipientAttestation:PCR0"}""")]
    [InlineData("""{"Null":{"kms:RecipientAttestation:PCR0":"maybe"}}""")]
    [InlineData("[]")]
    public void A_condition_that_cannot_be_judged_is_refused_and_never_ignored(string condition)
    {
        foreach (var effect in (string[])["Allow", "Deny"])
        {
            Assert.Throws<KmsErrorException>(() => KeyPolicyReader.Read(Policy(Statement(effect, condition))));
        }
    }

    [Fact]
    public void Wildcards_match_as_a_regular_expression_does()
    {
        var texts = Gen.Elements('a', 'b', '*', '?').ListOf().Select(list => string.Concat(list)).ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(7, 9), Prop.ForAll(texts, texts, (pattern, text) =>
        {
            var expression = "^" + Regex.Escape(pattern).Replace("\\*", "[ab*?]*", StringComparison.Ordinal).Replace("\\?", "[ab*?]", StringComparison.Ordinal) + "\\z";
            Assert.Equal(Regex.IsMatch(text, expression, RegexOptions.NonBacktracking), Wildcard.Matches(pattern, text));
        }));
    }

    static KeyPolicyRequest Request() => new("kms:Decrypt", "arn:aws:iam::123456789012:role/enclave", s_values);

    static string Policy(string statements) => $$"""{"Version":"2012-10-17","Statement":[{{statements}}]}""";

    static string Statement(string effect, string? condition) =>
        $$"""{"Effect":"{{effect}}","Principal":"*","Action":"kms:*","Resource":"*"{{(condition is null ? "" : $",\"Condition\":{condition}")}}}""";
}
