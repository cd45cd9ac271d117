using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve.Tests;

/// <summary>Instruments as Prometheus reads them.</summary>
public sealed class PrometheusTextTests
{
    static readonly EnclaveStatistics s_statistics =
        new() { NsmRequests = new Dictionary<string, long> { ["GetRandom"] = 7 }, Vsock = new VsockTraffic(1L << 32, 5) };

    [Fact]
    public void Counters_are_summed_up_and_gauges_observed_anew()
    {
        using var instruments = new EnclaveInstruments();
        using var text = new PrometheusText(instruments.Meter);
        instruments.CountStart("qemu");
        instruments.CountStart("qemu");
        instruments.CountStart("process");
        instruments.CountRestarts("qemu", 2);
        instruments.CountEnd("Exited");
        instruments.Observe([new("i-1-enc1", "one\"\\\n", "qemu", 1 << 29), new("i-1-enc2", "two", "qemu", 1 << 28, 2, s_statistics)]);
        Assert.Equal(
            """
            # HELP nitro_enclave_ends_total Enclaves that have ended, by how.
            # TYPE nitro_enclave_ends_total counter
            nitro_enclave_ends_total{kind="Exited"} 1
            # HELP nitro_enclave_memory_bytes Memory of a running enclave.
            # TYPE nitro_enclave_memory_bytes gauge
            nitro_enclave_memory_bytes{enclave="i-1-enc1",name="one\"\\\n"} 536870912
            nitro_enclave_memory_bytes{enclave="i-1-enc2",name="two"} 268435456
            # HELP nitro_enclave_nsm_requests_total Requests of a running enclave to its emulated NSM.
            # TYPE nitro_enclave_nsm_requests_total counter
            nitro_enclave_nsm_requests_total{enclave="i-1-enc2",name="two",operation="GetRandom"} 7
            # HELP nitro_enclave_restarts_total Starts by a restart policy, after an enclave's program or engine had ended.
            # TYPE nitro_enclave_restarts_total counter
            nitro_enclave_restarts_total{engine="qemu"} 2
            # HELP nitro_enclave_running Enclaves that run now, by engine.
            # TYPE nitro_enclave_running gauge
            nitro_enclave_running{engine="qemu"} 2
            # HELP nitro_enclave_starts_total Enclaves that have started since this server did.
            # TYPE nitro_enclave_starts_total counter
            nitro_enclave_starts_total{engine="process"} 1
            nitro_enclave_starts_total{engine="qemu"} 2
            # HELP nitro_enclave_vsock_bytes_total Payload bytes over a running enclave's emulated vsock, since it was last started.
            # TYPE nitro_enclave_vsock_bytes_total counter
            nitro_enclave_vsock_bytes_total{enclave="i-1-enc2",name="two",direction="from"} 4294967296
            nitro_enclave_vsock_bytes_total{enclave="i-1-enc2",name="two",direction="to"} 5

            """,
            text.Collect());

        instruments.Observe([]);
        Assert.DoesNotContain("i-1-enc1", text.Collect(), StringComparison.Ordinal);
    }
}
