using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace NitroEnclaves.Kms.Emulator;

/// <summary>
/// The AWS JSON protocol (1.1): one POST to <c>/</c> per request, the operation in <c>X-Amz-Target: TrentService.&lt;name&gt;</c>, members
/// in a JSON object, errors as <c>{"__type": …, "message": …}</c>.
/// </summary>
sealed class KmsHttpEndpoint(KmsService service, KmsEmulatorOptions options)
{
    const string ContentType = "application/x-amz-json-1.1";
    const string TargetPrefix = "TrentService.";
    const string CredentialMark = "Credential=";

    static readonly JsonDocumentOptions s_json = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    internal async Task HandleAsync(HttpContext context)
    {
        var operation = "a request";
        var caller = "nobody";
        try
        {
            operation = Operation(context.Request);
            caller = Caller(context.Request);
            using var body = await JsonText.ParseAsync(context.Request.Body, s_json, context.RequestAborted);
            if (body.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new KmsErrorException("SerializationException", "The request is not a JSON object.");
            }

            var answer = service.Execute(new KmsRequest(operation, caller, body.RootElement));
            options.Log?.Invoke($"{operation} of {caller}: answered{(answer.ContainsKey("CiphertextForRecipient") ? ", encrypted for the enclave" : "")}");
            await WriteAsync(context.Response, StatusCodes.Status200OK, answer);
        }
        catch (KmsErrorException exception)
        {
            await RefuseAsync(context.Response, operation, caller, exception);
        }
        catch (JsonException)
        {
            await RefuseAsync(context.Response, operation, caller, new KmsErrorException("SerializationException", "The request is not JSON."));
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException and not BadHttpRequestException)
        {
            // The file of keys: the emulator's own trouble, which the log tells and the answer does not.
            options.Log?.Invoke($"{operation} of {caller}: {exception.Message}");
            await WriteAsync(
                context.Response, StatusCodes.Status500InternalServerError, Error("KMSInternalException", "The emulator cannot keep its keys; its log says why."));
        }
    }

    static string Operation(HttpRequest request)
    {
        var target = request.Headers["X-Amz-Target"].ToString();
        return HttpMethods.IsPost(request.Method) && request.Path == "/" && target.StartsWith(TargetPrefix, StringComparison.Ordinal)
            ? target[TargetPrefix.Length..]
            : throw new KmsErrorException("UnknownOperationException", "This is an emulator of AWS KMS: it takes POST / with X-Amz-Target: TrentService.<operation>.");
    }

    // AWS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/kms/aws4_request, SignedHeaders=…, Signature=…
    string Caller(HttpRequest request)
    {
        var authorization = request.Headers.Authorization.ToString();
        if (authorization.Length == 0)
        {
            throw new KmsErrorException("MissingAuthenticationTokenException", "The request is not signed.");
        }

        var start = authorization.IndexOf(CredentialMark, StringComparison.Ordinal);
        var end = start < 0 ? -1 : authorization.IndexOf('/', start);
        return end < 0
            ? throw new KmsErrorException("IncompleteSignatureException", "The request's signature names no access key.")
            : options.Callers.GetValueOrDefault(authorization[(start + CredentialMark.Length)..end], KmsService.AccountRoot);
    }

    async Task RefuseAsync(HttpResponse response, string operation, string caller, KmsErrorException exception)
    {
        options.Log?.Invoke($"{operation} of {caller}: {exception.Type}: {exception.Message}");
        await WriteAsync(response, StatusCodes.Status400BadRequest, Error(exception.Type, exception.Message));
    }

    static JsonObject Error(string type, string message) => new() { ["__type"] = type, ["message"] = message };

    static async Task WriteAsync(HttpResponse response, int status, JsonObject body)
    {
        var bytes = Encoding.UTF8.GetBytes(body.ToJsonString());
        response.StatusCode = status;
        response.ContentType = ContentType;
        response.ContentLength = bytes.Length;
        response.Headers["x-amzn-RequestId"] = Guid.NewGuid().ToString();
        await response.Body.WriteAsync(bytes, response.HttpContext.RequestAborted);
    }
}
