using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The parent's side of guests that dial: sends four bytes back to whoever sends four.</summary>
static class FourBytes
{
    /// <summary>Answers every connection, however many at the same time, until it is cancelled.</summary>
    public static async Task AnswerAsync(VsockListener listener, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await listener.AcceptAsync(cancellationToken), cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The guest has ended.
        }
    }

    static async Task AnswerAsync(VsockConnection connection, CancellationToken cancellationToken)
    {
        await using (connection)
        {
            try
            {
                var question = new byte[sizeof(uint)];
                if (await connection.Stream.ReadAtLeastAsync(question, question.Length, throwOnEndOfStream: false, cancellationToken) == question.Length)
                {
                    await connection.Stream.WriteAsync(question, cancellationToken);
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException)
            {
                // The guest has closed it.
            }
        }
    }
}
