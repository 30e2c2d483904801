package gitwatch

import (
	"bufio"
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// broken hashes count for nothing: not under a commit, and not under the signatures that make a key of its parts.
var broken = map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true}

// verifyOpenPGP checks a commit's signature with the keys of an armored file. The key must have been good for signing when it signed, and
// still be: who has a key that has expired, or was revoked, could date back what he signs with it.
func verifyOpenPGP(file []byte, name string, c commit, now time.Time) error {
	keys, err := readKeyring(file)
	if err != nil {
		return fmt.Errorf("--verify-keys-file %s: %w", name, err)
	}
	raw, signature, err := onlySignature(c.signature)
	if err != nil {
		return err
	}
	if signature.CreationTime.After(now) { // which the library calls expired
		return fmt.Errorf("its signature is dated %s, which is still to come", signature.CreationTime.UTC().Format(time.RFC3339))
	}
	config := &packet.Config{
		Time: func() time.Time { return now }, RejectHashAlgorithms: broken, RejectMessageHashAlgorithms: broken,
	}
	key := fmt.Sprintf("%016X", *signature.IssuerKeyId)
	_, signer, err := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(c.payload), bytes.NewReader(raw), config)
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return fmt.Errorf("it is signed with the key %s, which is not in %s", key, name)
	case err != nil:
		return fmt.Errorf("its signature with the key %s does not count: %w", key, err)
	}
	if _, good := signer.SigningKeyById(now, *signature.IssuerKeyId, config); !good {
		return fmt.Errorf("it is signed with the key %s, which has expired or was revoked since", key)
	}
	return nil
}

// onlySignature returns what is in a signature's armor, which must be one signature of binary data.
func onlySignature(armored string) ([]byte, *packet.Signature, error) {
	if err := unwrapped(armored, openpgp.SignatureType); err != nil {
		return nil, nil, err
	}
	block, err := armor.Decode(bytes.NewReader([]byte(armored)))
	if err != nil {
		return nil, nil, fmt.Errorf("its signature is malformed: %w", err)
	}
	raw, err := io.ReadAll(block.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("its signature is malformed: %w", err)
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	first, err := packets.NextWithUnsupported()
	if err != nil {
		return nil, nil, fmt.Errorf("its signature is malformed: %w", err)
	}
	signature, ok := first.(*packet.Signature)
	switch {
	case !ok || signature.IssuerKeyId == nil:
		return nil, nil, errors.New("its signature is of a kind that is not known")
	case signature.SigType != packet.SigTypeBinary:
		return nil, nil, errors.New("its signature is not one of binary data")
	}
	if _, err := packets.NextWithUnsupported(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("its signature is more than one")
	}
	return raw, signature, nil
}

// readKeyring reads armored public keys, in one block or in several.
func readKeyring(file []byte) (openpgp.EntityList, error) {
	var all openpgp.EntityList
	for r := bufio.NewReader(bytes.NewReader(file)); ; {
		block, err := armor.Decode(r)
		switch {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("it holds no armored public key")
		case err != nil:
			return nil, err
		case block.Type != openpgp.PublicKeyType:
			return nil, fmt.Errorf("it holds a block %s, where only public keys should be", shown(block.Type))
		}
		keys, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
}
