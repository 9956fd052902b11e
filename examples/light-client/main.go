// Light-client checks a light client's file of a Poju consortium with CometBFT's own light package and prints the log's
// size and root. It exits with status 1 and names what does not hold. It trusts the genesis file and, where -height
// and -hash are given, that one header; nothing else.
//
//	light-client -genesis genesis.json [-height N -hash HEX] [-period 336h] [-k N] FILE
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/types"
	"golang.org/x/mod/sumdb/note"
)

const maxBytes, maxDrift = 1 << 21, 10 * time.Second

var (
	genesisPath = flag.String("genesis", "", "the network's genesis.json")
	height      = flag.Int64("height", 0, "height of the trusted header; 0: trust the genesis file's validators")
	hash        = flag.String("hash", "", "hash of the trusted header, hexadecimal")
	period      = flag.Duration("period", 14*24*time.Hour, "how long after its time a trusted header may be used")
	k           = flag.Int("k", 0, "how many validators' signatures the checkpoint needs; 0: what the genesis file says")
	at          = flag.String("now", "", "check as of this moment, RFC 3339; default: the clock")
)

// lightFile is docs/guides/light-client.md's file: light blocks in ascending height, and what they should arrive at.
type lightFile struct {
	Chain      string `json:"chain"`
	Checkpoint string `json:"checkpoint"`
	Blocks     []struct {
		SignedHeader *types.SignedHeader `json:"signed_header"`
		Validators   []*types.Validator  `json:"validators"`
	} `json:"blocks"`
}

func main() {
	// CometBFT's types panic on some impossible validator sets: a forged file must not end in a trace.
	defer func() {
		if reason := recover(); reason != nil {
			hold(false, "file", reason)
		}
	}()
	flag.Parse()
	genesis, err := types.GenesisDocFromFile(*genesisPath)
	hold(err == nil, "genesis", err)
	now := time.Now()
	if *at != "" {
		now, err = time.Parse(time.RFC3339, *at)
		hold(err == nil, "now", err)
	}
	found := read(flag.Arg(0))
	hold(found.Chain == genesis.ChainID, "chain", "the file is of "+strconv.Quote(found.Chain))
	last := follow(found, genesis, now)
	size, root := checkpoint(found.Checkpoint, genesis.AppState)
	carried := append(binary.BigEndian.AppendUint64(nil, size), root...)
	hold(bytes.Equal(last.AppHash, carried), "root", "the last header carries another size or root than the checkpoint")
	fmt.Printf("size %d\nroot %x\n", size, root)
}

// hold ends the program, naming the step and the reason, unless the step holds.
func hold(holds bool, step string, reason any) {
	if !holds {
		fmt.Fprintf(os.Stderr, "does not hold: %s: %v\n", step, reason)
		os.Exit(1)
	}
}

func read(path string) (found lightFile) {
	raw, err := os.ReadFile(path)
	hold(err == nil && len(raw) <= maxBytes, "file", "cannot be read, or is too large")
	err = cmtjson.Unmarshal(raw, &found)
	hold(err == nil && len(found.Blocks) > 0, "file", fmt.Sprint("not a light client's file: ", err))
	return found
}

// follow returns the last block: (1) each header fits its commit and validators; (2) the first one is trusted;
// (3) each following one is reached from the one before it.
func follow(found lightFile, genesis *types.GenesisDoc, now time.Time) (last *types.LightBlock) {
	for _, block := range found.Blocks {
		set, err := types.ValidatorSetFromExistingValidators(block.Validators)
		hold(err == nil, "validators", err)
		next := &types.LightBlock{SignedHeader: block.SignedHeader, ValidatorSet: set}
		err = next.ValidateBasic(genesis.ChainID)
		hold(err == nil, "block", err)
		if last == nil {
			start(next, genesis, now)
		} else {
			err = light.Verify(last.SignedHeader, last.ValidatorSet, next.SignedHeader, set, *period, now, maxDrift,
				light.DefaultTrustLevel)
			hold(err == nil, fmt.Sprintf("header %d", next.Height), err)
		}
		last = next
	}
	return last
}

func start(b *types.LightBlock, genesis *types.GenesisDoc, now time.Time) {
	if *height != 0 {
		hold(b.Height == *height && strings.EqualFold(b.Hash().String(), *hash), "start", "not the trusted header")
	} else {
		ours := b.Height == genesis.InitialHeight && bytes.Equal(b.ValidatorsHash, genesis.ValidatorHash())
		hold(ours, "start", "not the genesis file's first block and validators")
	}
	hold(!light.HeaderExpired(b.SignedHeader, *period, now), "start", "the header's trusting period has expired")
	err := b.ValidatorSet.VerifyCommitLight(genesis.ChainID, b.Commit.BlockID, b.Height, b.Commit)
	hold(err == nil, "start", err)
}

// checkpoint returns size and root of a note that k of the genesis file's log keys signed, each counted once.
func checkpoint(text string, state json.RawMessage) (uint64, []byte) {
	var log struct {
		Origin      string            `json:"origin"`
		Keys        map[string]string `json:"keys"`
		Acknowledge int               `json:"acknowledge"`
	}
	hold(json.Unmarshal(state, &log) == nil, "genesis", "app_state is not Poju's")
	var known []note.Verifier
	for name, key := range log.Keys {
		raw, _ := hex.DecodeString(key)
		vkey, _ := note.NewEd25519VerifierKey(log.Origin, ed25519.PublicKey(raw))
		verifier, err := note.NewVerifier(vkey)
		hold(err == nil, "genesis", "the log key of "+name)
		known = append(known, verifier)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(known...))
	hold(err == nil, "checkpoint", err)
	if *k < 1 {
		*k = log.Acknowledge
	}
	hold(*k > 0 && len(opened.Sigs) >= *k, "checkpoint", fmt.Sprintf("%d of %d signatures", len(opened.Sigs), *k))
	lines := strings.Split(opened.Text, "\n")
	hold(len(lines) == 4 && lines[0] == log.Origin, "checkpoint", "another log's, or not of three lines")
	size, malformed := strconv.ParseUint(lines[1], 10, 63)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	hold(malformed == nil && err == nil, "checkpoint", "its size or root cannot be read")
	return size, root
}
