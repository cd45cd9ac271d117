using System.Globalization;
using NitroEnclaves.Cose;
using NitroEnclaves.Nsm;

namespace NitroEnclaves.Attestation;

/// <summary>
/// Issues documents for one NSM under a local authority, laid out byte for byte like those of the hardware. As the hardware does,
/// it uses a leaf certificate for up to 70 minutes of its three hours.
/// </summary>
/// <remarks>The certificates are those of the module that a document names; another name gives other ones.</remarks>
public sealed class AttestationDocumentIssuer : IDocumentSigner, IDisposable
{
    static readonly TimeSpan LeafUse = TimeSpan.FromMinutes(70);

    // What a response carries around a document: {"Attestation": {"document": bstr}}.
    const int MaximumLength = NsmLimits.MaxResponseLength - 32;

    const int EnclaveIdDigits = 16;

    readonly Lock _lock = new();
    readonly AttestationAuthority _authority;
    readonly AttestationDocumentForm _form;
    string? _moduleId;
    CertifiedKey? _instance;
    CertifiedKey? _leaf;
    ECDsaCoseSigner? _signer;
    byte[][] _above = [];

    internal AttestationDocumentIssuer(AttestationAuthority authority, AttestationDocumentForm form)
    {
        _authority = authority;
        _form = form;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException"><paramref name="content"/> is null.</exception>
    /// <exception cref="ArgumentException">
    /// The module id is not of the form <c>&lt;instance&gt;-enc&lt;1 to 16 hex&gt;</c>, or the document would not fit into a response.
    /// </exception>
    public byte[] Sign(AttestationDocumentContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        lock (_lock)
        {
            Certify(content.ModuleId);
            var payload = AttestationPayloadWriter.Write(content, _leaf!.Certificate, [.. _above, _instance!.Certificate], _form);
            var document = CoseSign1.Sign(payload, _signer!);
            return document.Length < MaximumLength
                ? document
                : throw new ArgumentException($"The document of {document.Length} bytes does not fit into a response.", nameof(content));
        }
    }

    /// <summary>Forgets the keys of instance and leaf.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            Forget();
        }
    }

    void Certify(string moduleId)
    {
        var now = _authority.TimeProvider.GetUtcNow();
        if (_moduleId == moduleId && _leaf!.IsValid(now, CertificateProfile.LeafValidity - LeafUse))
        {
            return;
        }

        var (instanceId, enclaveId) = Split(moduleId);
        if (_moduleId != moduleId || !_instance!.IsValid(now, CertificateProfile.LeafValidity))
        {
            Forget();
            (_instance, _above) = _authority.IssueInstance(instanceId);
        }

        _leaf?.Dispose();
        _leaf = CertificateProfile.CreateLeaf(_instance, moduleId, enclaveId, now);
        _signer = new ECDsaCoseSigner(_leaf.Key);
        _moduleId = moduleId;
    }

    void Forget()
    {
        _moduleId = null;
        _leaf?.Dispose();
        _instance?.Dispose();
        _leaf = _instance = null;
    }

    static (string InstanceId, ulong EnclaveId) Split(string moduleId)
    {
        var mark = moduleId.IndexOf(AttestationPayload.EnclaveMark, StringComparison.Ordinal);
        var id = mark > 0 ? moduleId.AsSpan(mark + AttestationPayload.EnclaveMark.Length) : [];
        return id.Length <= EnclaveIdDigits
            && ulong.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var enclaveId)
            ? (moduleId[..mark], enclaveId)
            : throw new ArgumentException($"The module id {moduleId} is not of the form <instance>-enc<16 hex>.", nameof(moduleId));
    }
}
