using Microsoft.Win32.SafeHandles;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Virtio;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>A program that runs under the interception of an <see cref="InterceptedParent"/>.</summary>
sealed class InterceptedProgram : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(20);

    readonly LaunchControl _control;
    readonly Task<string> _output;
    readonly Task<string> _error;

    InterceptedProgram(LaunchControl control, Stream output, Stream error) =>
        (_control, _output, _error) = (control, ReadAsync(output), ReadAsync(error));

    /// <summary>Starts a program; its filter is seen to be in place before it runs.</summary>
    /// <param name="launch">The way there.</param>
    /// <param name="serve">Begins to answer its calls.</param>
    public static InterceptedProgram Start(LaunchProgram launch, Action<CallListener> serve)
    {
        using SocketPair output = SocketPair.Create(), error = SocketPair.Create();
        using var input = File.OpenHandle("/dev/null");
        var control = LaunchControl.Start(launch, [input, output.Theirs, error.Theirs], cpuIds: null);
        try
        {
            var listener = (int)control.Await();
            if (listener != LaunchSequence.FirstFreeDescriptor || !TargetProcess.IsFiltered(control.Process.Id)
                || TargetProcess.TryGetDescriptor(control.Process.Id, listener, out _) is not { } descriptor)
            {
                throw new InvalidOperationException("The program's filter is not in place; it was not started without.");
            }

            serve(new CallListener(descriptor));
            control.Go();
            control.AwaitProgram();
            return new InterceptedProgram(control, output.TakeStream(), error.TakeStream());
        }
        catch
        {
            control.Process.Signal(9);
            control.Dispose();
            throw;
        }
    }

    /// <summary>Its process, which leads a session.</summary>
    public int Id => _control.Process.Id;

    /// <summary>Kills it (SIGKILL).</summary>
    public void Kill() => _control.Process.Signal(9);

    /// <summary>Waits for its end.</summary>
    public async Task<ToolResult> WaitAsync()
    {
        const int KilledStatus = 128;
        var exit = await _control.Process.Exit.WaitAsync(s_patience);
        return new ToolResult(exit.Status ?? KilledStatus + exit.Signal!.Value, await _output, await _error);
    }

    public void Dispose() => _control.Dispose();

    static async Task<string> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
