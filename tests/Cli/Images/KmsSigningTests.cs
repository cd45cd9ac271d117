using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NitroEnclaves.Cli.Tests;

/// <summary>sign-eif with a key in AWS KMS: the real SDK against a stand-in that speaks the service's JSON protocol.</summary>
public sealed class KmsSigningTests : IDisposable
{
    const string Arn = "arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012";

    readonly TemporaryFolder _folder = new();

    public KmsSigningTests() => File.Copy(TestVectors.Own("eif", "eif", "02_x86_2rd.eif"), _folder["a.eif"]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("p256", "ECDSA_SHA_256")]
    [InlineData("p384", "ECDSA_SHA_384")]
    [InlineData("p521", "ECDSA_SHA_512")]
    public void Digest_goes_to_the_service_and_the_signature_comes_back(string curve, string algorithm)
    {
        using var kms = StandIn(curve);

        Sign(kms, $"{curve}.cert.pem").Succeeded();

        Assert.Equal(["TrentService.GetPublicKey", "TrentService.Sign"], kms.Requests.Select(request => request.Headers["X-Amz-Target"]));
        Assert.All(kms.Requests, request => Assert.Contains("/eu-west-1/kms/aws4_request", request.Headers["Authorization"], StringComparison.Ordinal));
        using var sign = JsonDocument.Parse(kms.Requests[1].Body);
        Assert.Equal((Arn, "DIGEST", algorithm), (Text(sign, "KeyId"), Text(sign, "MessageType"), Text(sign, "SigningAlgorithm")));
        Assert.Contains("\"SignatureCheck\": true", NitroCommand.Run(["describe-eif", "--eif-path", _folder["a.eif"]]).Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void Key_of_another_certificate_is_not_asked_to_sign()
    {
        using var kms = StandIn("p384");

        var result = Sign(kms, "p256.cert.pem");

        Assert.Equal(60, result.ExitCode);
        Assert.Contains("not for this KMS key", result.Error, StringComparison.Ordinal);
        Assert.Single(kms.Requests);
    }

    [Fact]
    public void Refusal_is_one_line()
    {
        using var kms = HttpStandIn.OnLoopback(_ => (400, "application/x-amz-json-1.1", """{"__type":"AccessDeniedException","message":"You may not."}"""u8.ToArray()));

        var result = Sign(kms, "p384.cert.pem");

        Assert.Equal(60, result.ExitCode);
        Assert.Contains("You may not.", result.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(TestVectors.Own("eif", "eif", "02_x86_2rd.eif")), File.ReadAllBytes(_folder["a.eif"]));
    }

    CommandResult Sign(HttpStandIn kms, string certificate) => NitroCommand.Run(
        ["sign-eif", "--eif-path", _folder["a.eif"], "--signing-certificate", TestVectors.Own("eif", "keys", certificate), "--private-key", Arn], "",
        ("AWS_ENDPOINT_URL_KMS", $"http://127.0.0.1:{kms.Port}"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_EC2_METADATA_DISABLED", "true"));

    static HttpStandIn StandIn(string curve)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(TestVectors.Own("eif", "keys", $"{curve}.key.pem")));
        return HttpStandIn.OnLoopback(request =>
        {
            using var body = JsonDocument.Parse(request.Body);
            var answer = request.Headers["X-Amz-Target"] == "TrentService.GetPublicKey"
                ? new JsonObject { ["KeyId"] = Arn, ["PublicKey"] = Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()), ["KeyUsage"] = "SIGN_VERIFY" }
                : new JsonObject { ["KeyId"] = Arn, ["Signature"] = Convert.ToBase64String(key.SignHash(body.RootElement.GetProperty("Message").GetBytesFromBase64(), DSASignatureFormat.Rfc3279DerSequence)) };
            return (200, "application/x-amz-json-1.1", Encoding.UTF8.GetBytes(answer.ToJsonString()));
        });
    }

    static string Text(JsonDocument json, string member) => json.RootElement.GetProperty(member).GetString()!;
}
