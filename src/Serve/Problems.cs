using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve;

/// <summary>Turns what requests run into into <see cref="Problem"/>s.</summary>
static class Problems
{
    /// <summary>Answers with a problem where the rest fails for a reason that its caller can do something about.</summary>
    public static async Task CatchAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed })
            {
                await WriteAsync(context, new Problem(context.Response.StatusCode, "NoSuchOperation", "See /openapi.json for what there is."));
            }
        }
        catch (EnclaveException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, new Problem(StatusOf(exception.Failure), exception.Failure.ToString(), exception.Message, $"E{exception.NitroCliCode:00}"));
        }
        catch (JsonException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, new Problem(StatusCodes.Status400BadRequest, "Malformed", exception.Message));
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, new Problem(exception.StatusCode, "Malformed", exception.Message));
        }
        catch (IOException exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            await WriteAsync(context, new Problem(StatusCodes.Status500InternalServerError, "Unavailable", exception.Message));
        }
        catch (Exception exception) when (exception is EnclaveException or OperationCanceledException or IOException)
        {
            // An answer that has begun cannot be taken back: the client sees it end early.
            context.Abort();
        }
    }

    static Task WriteAsync(HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        context.Response.ContentType = "application/problem+json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(problem, ServeJson.Default.Problem), context.RequestAborted);
    }

    static int StatusOf(EnclaveFailure failure) => failure switch
    {
        EnclaveFailure.NoSuchEnclave => StatusCodes.Status404NotFound,
        EnclaveFailure.Console or EnclaveFailure.Naming => StatusCodes.Status409Conflict,
        EnclaveFailure.MissingArgument or EnclaveFailure.ConflictingArgument or EnclaveFailure.InvalidArgument or EnclaveFailure.InvalidCpuConfiguration
            or EnclaveFailure.InsufficientMemoryRequested or EnclaveFailure.FileOperation or EnclaveFailure.InvalidImage or EnclaveFailure.Signature
            or EnclaveFailure.NoSuchCpu or EnclaveFailure.MemoryOverflow => StatusCodes.Status400BadRequest,
        EnclaveFailure.InsufficientCpus or EnclaveFailure.InsufficientMemoryAvailable or EnclaveFailure.EngineUnavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };
}
