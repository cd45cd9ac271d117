using System.Diagnostics.Metrics;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Serve.Tests;

/// <summary>Every instrument as an exporter that listens to the meter gets it: name, unit, value and tags.</summary>
public sealed class EnclaveInstrumentsTests
{
    [Fact]
    public void An_exporter_gets_every_instrument_with_its_tags()
    {
        using var instruments = new EnclaveInstruments();
        var measured = new SortedSet<string>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter == instruments.Meter)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            measured.Add($"{instrument.Name} {instrument.Unit} {value} {string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}"));
        listener.Start();
        instruments.CountStart("nitro");
        instruments.CountRestarts("qemu", 3);
        instruments.CountEnd("Exited");
        var statistics = new EnclaveStatistics { NsmRequests = new Dictionary<string, long> { ["Attestation"] = 2 }, Vsock = new VsockTraffic(10, 20) };
        instruments.Observe([new("i-1-enc1", "a", "nitro", 512), new("i-1-enc2", "b", "qemu", 256, 3, statistics)]);
        listener.RecordObservableInstruments();
        Assert.Equal(
            [
                "nitro.enclave.ends {enclave} 1 kind=Exited",
                "nitro.enclave.memory By 256 enclave=i-1-enc2 name=b",
                "nitro.enclave.memory By 512 enclave=i-1-enc1 name=a",
                "nitro.enclave.nsm.requests {request} 2 enclave=i-1-enc2 name=b operation=Attestation",
                "nitro.enclave.restarts {enclave} 3 engine=qemu",
                "nitro.enclave.running {enclave} 1 engine=nitro",
                "nitro.enclave.running {enclave} 1 engine=qemu",
                "nitro.enclave.starts {enclave} 1 engine=nitro",
                "nitro.enclave.vsock By 10 enclave=i-1-enc2 name=b direction=from",
                "nitro.enclave.vsock By 20 enclave=i-1-enc2 name=b direction=to",
            ],
            measured);
    }
}
