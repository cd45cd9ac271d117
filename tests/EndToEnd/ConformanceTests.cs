using System.Text;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Images;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>
/// The same program on every engine: whatever programs in an enclave depend on, as it observes it. The tables of docs/engines.md are its
/// result, and a difference from them is a failure; with <c>NITRO_UPDATE_ENGINES=1</c> they are written anew.
/// </summary>
public sealed class ConformanceTests
{
    const uint Cid = 4242;
    const uint ParentPort = 7000;
    const uint ServicePort = 5000;
    const int ExitStatus = 23;

    static readonly EngineChoice[] s_engines = [EngineChoice.Qemu, EngineChoice.Process];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Timeout = 400_000)]
    public async Task Every_engine_behaves_as_the_document_says()
    {
        var observations = new Dictionary<EngineChoice, List<Behaviour>>();
        foreach (var engine in s_engines)
        {
            observations.Add(engine, await ObserveAsync(engine));
        }

        var path = Checkout.In("docs", "engines.md");
        var expected = EnginesDocument.Replace(await File.ReadAllTextAsync(path, Cancellation), observations);
        if (Environment.GetEnvironmentVariable("NITRO_UPDATE_ENGINES") == "1")
        {
            await File.WriteAllTextAsync(path, expected, Cancellation);
        }

        Assert.Equal(expected, await File.ReadAllTextAsync(path, Cancellation));
    }

    [Fact]
    public async Task Every_engine_that_can_run_here_has_its_column_and_one_that_is_missing_is_a_difference()
    {
        string[] observed = [.. s_engines.Select(engine => engine.ToString().ToLowerInvariant())];
        Assert.Subset(observed.ToHashSet(), EngineSelector.Probe(new EnclaveOptions()).Where(engine => engine.IsAvailable).Select(engine => engine.Engine).ToHashSet());
        var document = await File.ReadAllTextAsync(Checkout.In("docs", "engines.md"), Cancellation);
        Assert.Contains($"\n| program | {string.Join(" | ", observed)} |\n", document, StringComparison.Ordinal);

        var all = s_engines.ToDictionary(engine => engine, _ => new List<Behaviour> { new("group", "action", "observation") });
        foreach (var engine in s_engines)
        {
            Assert.NotEqual(
                EnginesDocument.Replace(document, all),
                EnginesDocument.Replace(document, all.Where(column => column.Key != engine).ToDictionary(column => column.Key, column => column.Value)));
            Assert.Contains("**missing**", EnginesDocument.Replace(document, new Dictionary<EngineChoice, List<Behaviour>>(all) { [engine] = [] }), StringComparison.Ordinal);
        }
    }

    static async Task<List<Behaviour>> ObserveAsync(EngineChoice engine)
    {
        await using var host = new EnclaveHost(engine);
        var image = await GuestImage.FromProgramAsync("conformance", program => new ProgramDescription
        {
            Command = [.. program.Command, "two words"],
            Environment = ["GREETING=Hello, enclave", $"OWN_CID={Cid}"],
            WorkingDirectory = "/some/where",
        });
        await using var listener = VsockListener.Listen(ParentPort, host.VsockOptions);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var answering = AnswerAsync(listener, done.Token);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { EnclaveCid = Cid, DebugMode = true });
        var console = GuestConsole.FollowAsync(enclave.Client);
        await GuestConsole.WaitForAsync(enclave.Client, "ready");
        await using (await host.ConnectAsync(enclave.Info, ServicePort))
        {
        }

        await using (var connection = await host.ConnectAsync(enclave.Info, ServicePort))
        {
            await connection.Stream.WriteAsync("seven b"u8.ToArray(), Cancellation);
            connection.CompleteWrites();
            var heard = new byte[5];
            await connection.Stream.ReadExactlyAsync(heard, Cancellation);
            Assert.Equal("heard", Encoding.ASCII.GetString(heard));
        }

        var end = await enclave.WaitAsync(Cancellation);
        var printed = await console;
        await done.CancelAsync();
        await answering;
        await listener.DisposeAsync();
        Assert.Contains("\ndone\n", printed, StringComparison.Ordinal);
        List<Behaviour> behaviours =
        [
            .. printed.Split('\n').Select(line => line.Split('\t')).Where(fields => fields is ["behaviour", _, _, _]).Select(fields => new Behaviour(fields[1], fields[2], fields[3])),
            new("end", $"exit status {ExitStatus} of the program", end.Explanation),
        ];
        await host.AssertNothingLeftAsync();
        return behaviours;
    }

    // Sends four bytes back and closes.
    static async Task AnswerAsync(VsockListener listener, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await using var connection = await listener.AcceptAsync(cancellationToken);
                var question = new byte[sizeof(uint)];
                if (await connection.Stream.ReadAtLeastAsync(question, question.Length, throwOnEndOfStream: false, cancellationToken) == question.Length)
                {
                    await connection.Stream.WriteAsync(question, cancellationToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The guest has ended.
        }
    }
}
